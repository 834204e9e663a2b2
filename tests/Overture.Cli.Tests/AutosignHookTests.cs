using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class AutosignHookTests(OvertureFixture overture)
{
    private const string Csr = "-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n";

    [Fact]
    public async Task Autosign_Sign_Is0AndSilentAndSendsTheRequestAsRead()
    {
        var ran = (await overture.Hook("overture-autosign", ["good.example.com"], Csr)).Exit(0);
        Assert.Equal(("", ""), (ran.Output, ran.Errors));
        Assert.Contains(overture.CertAuthority.Authorized, a => a.Certname == "good.example.com" && a.CsrPem == Csr);
    }

    [Theory]
    [InlineData("held.example.com", 1, "hold: a person has to decide (HELD_FOR_APPROVAL, trace ")]
    [InlineData("refused.example.com", 4, "the token is not this name's (TOKEN_MISMATCH")]
    [InlineData("nothing.example.com", 1, "no decision")]
    [InlineData("", 2, "usage: overture-autosign CERTNAME")]
    public async Task Autosign_NotSigned_IsOneLineAndNotZero(string certname, int exit, string told)
    {
        var ran = (await overture.Hook("overture-autosign", [certname], Csr)).Exit(exit).Says(told);
        Assert.Equal("", ran.Output);
        Assert.Single(ran.Errors.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public async Task Autosign_HugeInput_IsDrainedAndRefusedUnsent()
    {
        // Shell.Run fails with a broken pipe unless all of it is read.
        (await overture.Hook("overture-autosign", ["huge.example.com"], new string('x', 1024 * 1024))).Exit(2).Says("more than 64 KiB");
        Assert.DoesNotContain(overture.CertAuthority.Authorized, a => a.Certname == "huge.example.com");
    }

    [Fact]
    public async Task Autosign_NoConfiguration_DrainsAllTheSame() =>
        (await overture.Hook("overture-autosign", ["good.example.com"], new string('x', 1024 * 1024), "/nonexistent/hooks.yaml")).Exit(78)
            .Says("there is no file");

    [Fact]
    public async Task Autosign_InputThatNeverEnds_IsCutOffAfterTwoSeconds()
    {
        using var links = new TempDirectory();
        await OvertureFixture.InstallHooks(links.Path);
        var config = Path.Combine(overture.Pki.Home, "hooks.yaml");
        var ran = await Shell.Run("bash", "-c",
            $"OVERTURE_HOOKS_CONFIG={config} {links.File("overture-autosign")} good.example.com < <(exec sleep 60 2> /dev/null)");
        ran.Exit(7).Says("no answer within 2 seconds");
        Assert.InRange(ran.Took.TotalSeconds, 1.9, 40);
    }

    [Fact]
    public async Task Autosign_ConfigSharedWithTheEnc_ShowsItsOwnCertificate()
    {
        var config = Path.Combine(overture.Pki.Home, "both.yaml");
        await File.WriteAllTextAsync(config, "autosignTls: { certificate: pki/autosign.pem, key: pki/autosign.key }\n"
            + overture.Config("nobody"));
        (await overture.Hook("overture-autosign", ["good.example.com"], Csr, config)).Exit(0);
        (await overture.Hook("overture-enc", ["good.example.com"], null, config)).Exit(78).Says("nobody.pem");
    }

    [Fact]
    public async Task Autosign_BinaryInput_IsNoCrash() =>
        (await overture.Hook("overture-autosign", ["held.example.com"], "\0\u0001\ufffd\ud83d\ude00")).Exit(1);
}
