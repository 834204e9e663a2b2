using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>--help of the hooks: for people, and never a decision.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class HookHelpTests(OvertureFixture overture)
{
    private const string Csr = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";

    [Theory]
    [InlineData("overture-enc", "external node classifier")]
    [InlineData("overture-autosign", "policy autosign")]
    public async Task Help_SaysWhatItIsItsArgumentsFilesAndExitCodes(string hook, string what)
    {
        // Without any configuration.
        var ran = await overture.Hook(hook, ["--help"], "", "/nonexistent/hooks.yaml");
        Assert.All([what, $"{hook} CERTNAME", $"{hook} --replay CERTNAME", "/etc/overture/hooks.yaml",
            "Exit codes:\n  0 ", "  78   no usable"],
            part => Assert.Contains(part, ran.Output, StringComparison.Ordinal));
        Assert.Equal("", ran.Errors);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    public async Task Help_CertnameSpelledSo_IsNeitherSignedNorClassified(string certname)
    {
        (await overture.Hook("overture-autosign", [certname], Csr)).Exit(2);
        (await overture.Hook("overture-enc", [certname])).Exit(2);
    }

    [Fact]
    public async Task Help_OnATerminal_Is0()
    {
        using var links = new TempDirectory();
        await OvertureFixture.InstallHooks(links.Path);
        foreach (var hook in new[] { "overture-enc", "overture-autosign" })
            (await Shell.Run("script", "-qec", $"{links.File(hook)} --help", "/dev/null")).Exit(0);
    }
}
