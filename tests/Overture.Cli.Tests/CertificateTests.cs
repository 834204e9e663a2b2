namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class CertificateTests(OvertureFixture overture)
{
    [Fact]
    public async Task Show_Name_HasSerialAndDecision()
    {
        Assert.Contains("sign, TOKEN_ACCEPTED", (await overture.Run("certificate", "show", "web.example.com")).Exit(0).Output, StringComparison.Ordinal);
        Assert.Equal("0f", (await overture.Run("certificate", "show", "web.example.com", "-o", "json")).Exit(0).Json()["serial"].Text());
    }

    [Fact]
    public async Task Revoke_Name_TellsSerialsAndCrlNumber() =>
        Assert.Equal("7", (await overture.Run("certificate", "revoke", "web.example.com", "--reason", "key leaked", "-o", "json")).Exit(0).Json()["crlNumber"].Text());

    [Fact]
    public async Task Revoke_WithoutReason_IsUsage()
    {
        (await overture.Run("certificate", "revoke", "web.example.com")).Exit(2).Says("--reason");
        (await overture.Run("certificate", "revoke", "web.example.com", "--reason", "")).Exit(2).Says("  reason: must not be empty");
    }

    [Fact]
    public async Task Requests_TwoPages_ListsBoth() =>
        Assert.Equal(["one.example.com", "two.example.com"], (await overture.Run("certificate", "requests", "-o", "json")).Exit(0).Json()["requests"]!.AsArray().Select(r => r!["certname"].Text()));
}
