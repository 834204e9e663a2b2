using Overture.Cli.Tests.Fakes;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class CertificateTests(OvertureFixture overture)
{
    [Fact]
    public async Task Show_Name_HasSerialAndDecision()
    {
        Assert.Contains("sign, TOKEN_ACCEPTED", (await overture.Run("certificate", "show", "web.example.com")).Exit(0).Output,
            StringComparison.Ordinal);
        Assert.Equal("0f", (await overture.Run("certificate", "show", "web.example.com", "-o", "json")).Exit(0).Json()["serial"].Text());
    }

    [Fact]
    public async Task Revoke_Name_TellsSerialsAndCrlNumber() =>
        Assert.Equal("7", (await overture.Run("certificate", "revoke", "web.example.com", "--reason", "key leaked", "-o", "json")).Exit(0)
            .Json()["crlNumber"].Text());

    [Fact]
    public async Task Revoke_WithoutReason_IsUsage()
    {
        (await overture.Run("certificate", "revoke", "web.example.com")).Exit(2).Says("--reason");
        (await overture.Run("certificate", "revoke", "web.example.com", "--reason", "")).Exit(2).Says("error: reason: must not be empty\n");
    }

    [Fact]
    public async Task Requests_TwoPages_ListsBoth() =>
        Assert.Equal(["one.example.com", "two.example.com"], (await overture.Run("certificate", "requests", "-o", "json")).Exit(0)
            .Json()["requests"]!.AsArray().Select(r => r!["certname"].Text()));

    [Fact]
    public async Task Requests_OneName_TellsWhyAndWhatWouldSignIt()
    {
        var output = (await overture.Run("certificate", "requests", "db1.example.com")).Exit(0).Output;
        foreach (var text in new[] { $"P-256 {FakeCertAuthority.WaitingKey}", "(SHA256) AB:01", "waits for a person (HELD_FOR_APPROVAL)",
            "would sign it", "approval by a person", "a launch record" })
        {
            Assert.Contains(text, output, StringComparison.Ordinal);
        }
        (await overture.Run("certificate", "requests", "unknown.example.com")).Exit(3).Says("no certificate request waits");
    }

    [Fact]
    public async Task Approve_KeyByItsBeginning_SignsThatKeyWithTheGrant()
    {
        (await overture.Run("certificate", "approve", "db1.example.com", "--key", "3f0c2a4e", "--reason", "built by hand", "--dns-alt-name",
            "db", "--extension", "pp_role=db", "--life", "90d")).Exit(0);

        var asked = Assert.Single(overture.CertAuthority.Approved, a => a.Certname == "db1.example.com");
        Assert.Equal((FakeCertAuthority.WaitingKey, "built by hand", 90L * 86400), (asked.SpkiSha256, asked.Reason, asked.Life.Seconds));
        Assert.Equal(("db", "db"), (Assert.Single(asked.DnsAltNames), asked.Extensions["pp_role"]));
    }

    [Fact]
    public async Task Approve_WithClass_MakesTheDefinitionFirst()
    {
        (await overture.Run("certificate", "approve", "db2.example.com", "--key", "3f0c2a4e", "--reason", "r", "--class", "profile::db",
            "--class", "yes")).Exit(0);

        var put = Assert.Single(overture.Classifier.Puts, p => p.Certname == "db2.example.com");
        Assert.Equal(("classes:\n  \"profile::db\":\n  \"yes\":\nenvironment: \"production\"\n", ""), (put.Definition, put.Etag));
    }

    [Fact]
    public async Task Approve_AnotherKeyOrNoDefinition_IsAConflict()
    {
        (await overture.Run("certificate", "approve", "db3.example.com", "--key", "00000000", "--reason", "r")).Exit(6)
            .Says($"the key that waits for db3.example.com is {FakeCertAuthority.WaitingKey}");
        Assert.DoesNotContain(overture.CertAuthority.Approved, a => a.Certname == "db3.example.com");
        (await overture.Run("certificate", "approve", "undefined.example.com", "--key", "3f0c2a4e", "--reason", "r")).Exit(6)
            .Says("reason: DEFINITION_MISSING");
        (await overture.Run("certificate", "approve", "db3.example.com", "--key", "3f", "--reason", "r")).Exit(2).Says("--key");
        (await overture.Run("certificate", "approve", "db3.example.com", "--key", "3f0c2a4e", "--reason", "r", "--extension", "x")).Exit(2)
            .Says("--extension");
    }

    [Fact]
    public async Task Deny_Key_SendsIt()
    {
        (await overture.Run("certificate", "deny", "db4.example.com", "--key", "3f0c2a4e", "--reason", "unknown host")).Exit(0);
        Assert.Equal((FakeCertAuthority.WaitingKey, "unknown host"), Assert.Single(overture.CertAuthority.Denied,
            d => d.Certname == "db4.example.com") is var d ? (d.SpkiSha256, d.Reason) : default);
    }
}
