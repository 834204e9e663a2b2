using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>Files of a hook that others could have read or written: refused, with the command that repairs it.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class HookFileTests : IDisposable
{
    private readonly OvertureFixture overture;
    private readonly TempDirectory own = new();

    public HookFileTests(OvertureFixture overture)
    {
        this.overture = overture;
        foreach (var file in new[] { "enc.pem", "enc.key", "ca.pem" })
            File.Copy(Path.Combine(overture.Pki.Home, "pki", file), own.File(file));
        File.WriteAllText(own.File("hooks.yaml"),
            $"classifier: localhost:{overture.ClassifierPort}\ntls: {{ certificate: enc.pem, key: enc.key, roots: ca.pem }}\n");
        File.Copy(OvertureFixture.Binary, own.File("overture-enc"));
    }

    public void Dispose() => own.Dispose();

    [Theory]
    [InlineData("chmod 644 enc.key", "tls.key: others may read the key {0}/enc.key (mode 0644); next: chmod g-w,o-rwx {0}/enc.key")]
    [InlineData("chmod 660 enc.key", "tls.key: others may write the key {0}/enc.key (mode 0660)")]
    [InlineData("chown 12345 enc.key", "tls.key: {0}/enc.key belongs to uid 12345, not to root or root; next: chown root {0}/enc.key")]
    [InlineData("chown daemon enc.pem", "tls.certificate: {0}/enc.pem belongs to user daemon")]
    [InlineData("chmod 666 ca.pem", "tls.roots: others may write {0}/ca.pem (mode 0666); next: chmod go-w {0}/ca.pem")]
    [InlineData("chown 12345 hooks.yaml", "configuration: {0}/hooks.yaml belongs to uid 12345")]
    [InlineData("chmod 664 hooks.yaml", "configuration: others may write {0}/hooks.yaml")]
    public async Task Hook_FileOfOthers_IsRefusedWithWhatMendsIt(string spoil, string told)
    {
        (await Enc()).Exit(0);
        (await Shell.Run("sh", ["-c", spoil], null, directory: own.Path)).Ok();
        var ran = (await Enc()).Exit(78).Says(string.Format(System.Globalization.CultureInfo.InvariantCulture, told, own.Path));
        Assert.Equal("", ran.Output);
        Assert.Single(ran.Errors.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Hook_KeyOfRootForTheGroupOfTheHook_IsFine()
    {
        (await Shell.Run("sh",
            ["-c", "chmod 755 . && chmod 644 *.pem hooks.yaml && chgrp 65534 enc.key && chmod 640 enc.key && chmod 755 overture-enc"], null,
            directory: own.Path)).Ok();
        (await Shell.Run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "env", "-i",
            $"OVERTURE_HOOKS_CONFIG={own.File("hooks.yaml")}", own.File("overture-enc"), FakeClassifier.Known], null)).Exit(0);
    }

    private Task<Ran> Enc() => overture.Hook("overture-enc", [FakeClassifier.Known], config: own.File("hooks.yaml"));
}
