using Overture.Platform.Certificates;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>
/// The file that puppet.conf's autosign names: it starts the hook, and as a list of names, whole or cut off, it signs nothing.
/// </summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class AutosignLauncherTests(OvertureFixture overture) : IDisposable
{
    private const string Csr = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";
    private readonly TempDirectory own = new();

    private string Launcher => own.File("overture-autosign");

    public void Dispose() => own.Dispose();

    [Fact]
    public async Task Install_AnyPartOfTheText_IsNoPatternOfANamePuppetserverTakes()
    {
        await Install();
        var text = await File.ReadAllTextAsync(Launcher);
        Assert.All(Enumerable.Range(0, text.Length + 1), length =>
        {
            var part = text[..length];
            // What begins with # is passed over, what holds a space is no pattern; an empty line is none either.
            Assert.All(part.Split('\n'), line => Assert.True(line.Length == 0 || line[0] is '#' or ' ', line));
            Assert.DoesNotContain(part.Split('\n'), line => AutosignList.Signs(part, line));
            Assert.Empty(AutosignList.LinesForAll(part));
        });
    }

    [Fact]
    public async Task Install_WhateverWasThere_IsTheLauncherForEverybodyToRun()
    {
        File.CreateSymbolicLink(Launcher, OvertureFixture.Binary);
        var ran = await Shell.Run("sh", ["-c", $"umask 077; exec {OvertureFixture.Binary} hook install {Launcher}"], null);
        ran.Exit(0).Says("autosign = ");
        Assert.Null(new FileInfo(Launcher).LinkTarget);
        Assert.Equal((UnixFileMode)0b111_101_101, File.GetUnixFileMode(Launcher));
        (await Run("good.example.com", Csr)).Exit(0);
        (await Run("held.example.com", Csr)).Exit(1);
        (await Run("", Csr)).Exit(2).Says("usage: overture-autosign CERTNAME");
    }

    [Theory]
    [InlineData("cp -p overture-autosign copy", "copy"), InlineData("ln -s overture-autosign link", "link")]
    public async Task Launcher_CopiedOrLinked_DecidesTheSame(string command, string file)
    {
        await Install();
        (await Shell.Run("sh", ["-c", command], null, directory: own.Path)).Ok();
        (await Run("good.example.com", Csr, own.File(file))).Exit(0);
        (await Run("refused.example.com", Csr, own.File(file))).Exit(4);
    }

    [Fact]
    public async Task Launcher_CutOffBehindTheBinary_SignsNobodyNotEvenForHelp()
    {
        await Install();
        var path = (await File.ReadAllTextAsync(Launcher)).Split(' ')[0];
        await File.WriteAllTextAsync(Launcher, path);
        foreach (var name in new[] { "good.example.com", "--help", "--version", "version" })
            (await Run(name, new string('x', 1024 * 1024))).Exit(78).Says("signs nothing");
    }

    [Theory]
    [InlineData("ln -s {0} overture-autosign"), InlineData("cp {0} overture-autosign")]
    public async Task Binary_UnderTheHooksName_SignsNobodyAndNamesTheCure(string command)
    {
        (await Shell.Run("sh", ["-c", string.Format(System.Globalization.CultureInfo.InvariantCulture, command, OvertureFixture.Binary)],
            null, directory: own.Path)).Ok();
        var ran = (await Run("good.example.com", new string('x', 1024 * 1024))).Exit(78).Says("next: overture hook install");
        Assert.Equal("", ran.Output);
        Assert.DoesNotContain(overture.CertAuthority.Authorized, a => a.CsrPem.StartsWith("xx", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/tmp"), InlineData("/nonexistent/overture-autosign")]
    public async Task Install_NoPlaceForAFile_IsToldAndNothingIsWritten(string path) =>
        Assert.NotEqual(0, (await overture.Run("hook", "install", path)).ExitCode);

    private async Task Install() => (await overture.Run("hook", "install", Launcher)).Exit(0);

    private Task<Ran> Run(string certname, string csr, string? file = null) =>
        Shell.Run("/usr/bin/env", ["-i", $"OVERTURE_HOOKS_CONFIG={Path.Combine(overture.Pki.Home, "hooks.yaml")}", file ?? Launcher,
            certname], null, csr, "/");
}
