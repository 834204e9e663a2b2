using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class AuditTests(OvertureFixture overture)
{
    [Fact]
    public async Task Verify_LogThatHolds_TellsHeadsAndProgress()
    {
        var ran = (await overture.Run("audit", "verify")).Exit(0).Says("500 records in 1 batches so far");
        Assert.Contains("certauthority/one", ran.Output, StringComparison.Ordinal);
        Assert.Equal("700", (await overture.Run("audit", "verify", "-o", "json")).Exit(0).Json()["records"].Text());
    }

    [Fact]
    public async Task Verify_HeadsSaved_AreAskedForTheNextTime()
    {
        using var directory = new TempDirectory();
        var file = directory.File("heads.json");
        (await overture.Run("audit", "verify", "--save-heads", file)).Exit(0);

        (await overture.Run("audit", "verify", "--expect", file)).Exit(0);
        Assert.Contains(overture.CertAuthority.Verifications, v => v.Expected.Count == 1
            && v.Expected[0] is { Stream: "certauthority/one", Sequence: 2, HeadSha256: "ab" });
        // A whole answer will do too.
        await File.WriteAllTextAsync(file, (await overture.Run("audit", "verify", "-o", "json")).Exit(0).Output);
        (await overture.Run("audit", "verify", "--expect", file)).Exit(0);
    }

    [Fact]
    public async Task Verify_BrokenLog_Is1AndListsEveryProblemAndKeepsTheOldHeads()
    {
        using var directory = new TempDirectory();
        var file = directory.File("heads.json");
        var heads = $$"""{"expected":[{"stream":"{{FakeCertAuthority.BrokenStream}}","sequence":"2","headSha256":"cd"}]}""";
        await File.WriteAllTextAsync(file, heads);

        var ran = (await overture.Run("audit", "verify", "--expect", file, "--save-heads", file)).Exit(1)
            .Says("the audit log failed verification: 2 problems").Says("reason: AUDIT_BROKEN");

        Assert.Contains("certauthority/broken: cut off after batch 1", ran.Output, StringComparison.Ordinal);
        Assert.Contains("its signature\\u000afaked line", ran.Output, StringComparison.Ordinal);
        Assert.Equal(heads, await File.ReadAllTextAsync(file));
        Assert.Equal(2, (await overture.Run("audit", "verify", "--expect", file, "-o", "json")).Exit(1)
            .Json()["problems"]!.AsArray().Count);
    }

    [Fact]
    public async Task Verify_HeadsThatAreNone_IsUsage()
    {
        using var directory = new TempDirectory();
        (await overture.Run("audit", "verify", "--expect", directory.File("none"))).Exit(2).Says("can't be read as heads");
        await File.WriteAllTextAsync(directory.File("empty"), "{}");
        (await overture.Run("audit", "verify", "--expect", directory.File("empty"))).Exit(2).Says("holds no heads");
    }

    [Fact]
    public async Task Explain_Name_TellsWhoWhenAndTheComparedFacts()
    {
        var output = (await overture.Run("audit", "explain", "web.example.com")).Exit(0).Output;
        foreach (var part in new[] { "certificate 4f01 was revoked", "claim 1", "sign, TOKEN_ACCEPTED", "kid1",
            "token  hash aa   matches   yes", "by operator: leaked", "cert.released" })
        {
            Assert.Contains(part, output, StringComparison.Ordinal);
        }
        Assert.Equal("4f01", (await overture.Run("audit", "explain", "web.example.com", "-o", "json")).Exit(0)
            .Json()["claims"]![0]!["certificate"]!["serial"].Text());
    }

    [Theory]
    [InlineData("4F86AD3B9C6E4D718A5C0E94B7F3D2164E", "4F86AD3B9C6E4D718A5C0E94B7F3D2164E"), InlineData("0x0f", "0x0f")]
    public async Task Explain_Serial_IsAskedAsOne(string typed, string serial) =>
        Assert.Equal($"of-{serial}", (await overture.Run("audit", "explain", typed, "-o", "json")).Exit(0).Json()["certname"].Text());

    [Fact]
    public async Task Explain_Unknown_Is3() =>
        (await overture.Run("audit", "explain", "unknown.example.com")).Exit(3).Says("unknown.example.com is unknown");
}
