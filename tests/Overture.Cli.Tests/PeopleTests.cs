using System.Security.Cryptography.X509Certificates;
using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>overture pki issue, list and revoke.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class PeopleTests(OvertureFixture overture) : IAsyncLifetime
{
    private readonly TempDirectory home = new();

    public async Task InitializeAsync()
    {
        (await overture.Run("pki", "init", "--home", home.Path)).Exit(0);
        overture.CertAuthority.InternalCrls = [];
        overture.CertAuthority.Beaten = null;
    }

    public Task DisposeAsync()
    {
        home.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Issue_MakesPrivateFilesThatOpensslReads()
    {
        var answer = (await Pki("issue", "--role", "operator", "--name", "jo", "--scope", "profile=web,label.team=blue", "--scope",
            "label.tier=1", "--life", "30d", "--out", home.File("jo"), "-o", "json")).Exit(0).Json();
        Assert.Equal(("jo", "operator", "valid"), (answer["name"].Text(), answer["role"].Text(), answer["state"].Text()));
        Assert.Equal(["profile=web", "label.team=blue", "label.tier=1"], answer["scope"]!.AsArray().Select(s => s.Text()));
        Assert.Equal(["ca.pem", "jo.key", "jo.pem"], Directory.GetFiles(home.File("jo")).Select(Path.GetFileName).Order());
        foreach (var file in Directory.GetFiles(home.File("jo")).Append(home.File($"pki/issued/{answer["serial"].Text()}.pem")))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(home.File("jo")));
        var text = (await Shell.Run("openssl", "x509", "-noout", "-text", "-in", home.File("jo/jo.pem"))).Ok();
        const string names = "URI:overture://role/operator, URI:overture://person/jo, URI:overture://scope/profile=web, "
            + "URI:overture://scope/label.team=blue, URI:overture://scope/label.tier=1";
        foreach (var part in new[] { "Subject: CN = jo", names, "TLS Web Client Authentication", "CA:FALSE" })
            Assert.Contains(part, text, StringComparison.Ordinal);
        Assert.DoesNotContain("TLS Web Server Authentication", text, StringComparison.Ordinal);
        (await Shell.Run("openssl", "verify", "-CAfile", home.File("jo/ca.pem"), "-purpose", "sslclient", home.File("jo/jo.pem"))).Ok();
        using var leaf = X509CertificateLoader.LoadCertificateFromFile(home.File("jo/jo.pem"));
        Assert.Equal(30 * 24 + 1, (leaf.NotAfter - leaf.NotBefore).TotalHours, 0.01);
    }

    [Fact]
    public async Task Issue_WhatIsThere_IsNeverReplaced()
    {
        (await Pki("issue", "--role", "viewer", "--name", "kim")).Exit(0);
        var before = await File.ReadAllTextAsync(home.File("pki/people/kim/kim.key"));
        (await Pki("issue", "--role", "viewer", "--name", "kim")).Exit(6).Says("kim.key exists, and is not replaced").Says("--out DIR");
        await File.WriteAllTextAsync(home.File("ca.pem"), "another");
        (await Pki("issue", "--role", "viewer", "--name", "kim", "--out", home.Path)).Exit(6).Says("is not this CA's certificate");
        Assert.Equal(before, await File.ReadAllTextAsync(home.File("pki/people/kim/kim.key")));
        Assert.Single(Directory.GetFiles(home.File("pki/issued")));
        Assert.False(File.Exists(home.File("kim.key")));
        // 90 days, where nothing is said.
        using var leaf = X509CertificateLoader.LoadCertificateFromFile(home.File("pki/people/kim/kim.pem"));
        Assert.Equal(90 * 24 + 1, (leaf.NotAfter - leaf.NotBefore).TotalHours, 0.01);
    }

    [Theory]
    [InlineData("--name", "Jo", "--name: 'Jo' must be 1-32 of [a-z0-9.-]")]
    [InlineData("--name", "../jo", "must be 1-32 of [a-z0-9.-]")]
    [InlineData("--name", "admin", "is a role's")]
    [InlineData("--name", "agent", "of a part of Overture")]
    [InlineData("--role", "conductor", "conductor")]
    [InlineData("--role", "Operator", "Operator")]
    [InlineData("--scope", "profile=", "is not allowed")]
    [InlineData("--scope", "", "must be profile=VALUE or label.NAME=VALUE")]
    [InlineData("--scope", "profile=web,", "must be profile=VALUE or label.NAME=VALUE")]
    [InlineData("--scope", "region=eu", "the scope key 'region' is unknown")]
    [InlineData("--scope", "profile=web,profile=db", "the scope key 'profile' is there twice")]
    [InlineData("--scope", "label.team=a b", "is not allowed")]
    [InlineData("--life", "366d", "--life: must be 1h to 365d")]
    [InlineData("--life", "59m", "--life: must be 1h to 365d")]
    [InlineData("--life", "soon", "is not a duration")]
    public async Task Issue_WrongValue_IsUsageAndWritesNothing(string option, string value, string says)
    {
        var values = new Dictionary<string, string> { ["--role"] = "operator", ["--name"] = "jo", [option] = value };
        (await Pki(["issue", .. values.SelectMany(v => new[] { v.Key, v.Value })])).Exit(2).Says(says);
        Assert.False(Directory.Exists(home.File("pki/issued")));
        Assert.False(Directory.Exists(home.File("pki/people")));
    }

    [Fact]
    public async Task Issue_ViewerWithScopeOrNoCa_IsRefusedWithTheNextStep()
    {
        (await Pki("issue", "--role", "viewer", "--name", "jo", "--scope", "profile=web")).Exit(2).Says("a viewer changes nothing");
        using var empty = new TempDirectory();
        (await overture.Run("pki", "issue", "--role", "viewer", "--name", "jo", "--home", empty.Path)).Exit(6)
            .Says("ca.pem: this needs the CA").Says("--home DIR");
        (await overture.Run("pki", "list", "--home", empty.Path)).Exit(6).Says("--home DIR");
        Assert.Empty(Directory.GetFileSystemEntries(empty.Path));
    }

    [Fact]
    public async Task ListAndRevoke_ByNameAndBySerial()
    {
        var jo = await Issue("jo", "a");
        var again = await Issue("jo", "b");
        var kim = await Issue("kim", "c");
        await File.WriteAllTextAsync(home.File("pki/issued/00.pem"), "no certificate");
        Assert.Equal(["valid", "valid", "valid"], await States());
        (await Pki("list")).Exit(0).Says("00.pem is no certificate");

        var answer = (await Pki("revoke", "jo", "-o", "json")).Exit(0).Says("published").Json();
        Assert.Equal(new[] { jo, again }.Order(), answer["revoked"]!.AsArray().Select(s => s.Text()).Order());
        Assert.Equal(["revoked", "revoked", "valid"], await States());
        Assert.Equal(1, overture.CertAuthority.Published);
        // Once more: nothing to publish.
        (await Pki("revoke", "jo")).Exit(0);
        Assert.Equal(1, overture.CertAuthority.Published);

        var printed = (await Shell.Run("openssl", "x509", "-noout", "-serial", "-in", home.File("c/kim.pem"))).Ok().Trim();
        Assert.Equal(kim, (await Pki("revoke", printed, "-o", "json")).Exit(0).Json()["revoked"]![0].Text());
        Assert.Equal(["revoked", "revoked", "revoked"], await States());
        var crl = (await Shell.Run("openssl", "crl", "-noout", "-text", "-in", home.File("pki/crl.pem"))).Ok();
        Assert.Contains(printed["serial=".Length..], crl, StringComparison.OrdinalIgnoreCase);
        (await Shell.Run("openssl", "crl", "-noout", "-CAfile", home.File("pki/ca.pem"), "-in", home.File("pki/crl.pem"))).Ok();
    }

    [Fact]
    public async Task Revoke_Unknown_IsNotFoundUnlessItIsSaid()
    {
        (await Pki("revoke", "lee")).Exit(3).Says("no certificate was issued here to 'lee'").Says("--unlisted");
        (await Pki("revoke", "4f0a77", "-o", "json")).Exit(3);
        Assert.False(File.Exists(home.File("pki/crl.pem")));
        (await Pki("revoke", "--unlisted", "not a serial")).Exit(2);
        Assert.Equal("4f0a77", (await Pki("revoke", "--unlisted", "4F:0A:77", "-o", "json")).Exit(0).Json()["revoked"]![0].Text());
        var party = SerialOf("operator");
        Assert.Equal(party, (await Pki("revoke", party, "-o", "json")).Exit(0).Json()["revoked"]![0].Text());
    }

    [Fact]
    public async Task Revoke_NoAnswer_IsKeptAndPublishedByTheNextTry()
    {
        await Issue("jo", "a");
        using var config = new TempDirectory();
        await File.WriteAllTextAsync(config.File("cli.yaml"), overture.Config("admin", FreePort.Next())
            .Replace("pki/", Path.Combine(overture.Pki.Home, "pki/"), StringComparison.Ordinal));
        (await Pki("revoke", "jo", "--config", config.File("cli.yaml"))).Exit(5).Says("NOT in force yet").Says("overture pki revoke jo");
        Assert.Equal(["revoked"], await States());
        Assert.Equal(0, overture.CertAuthority.Published);
        (await Pki("revoke", "jo")).Exit(0);
        Assert.Equal(1, overture.CertAuthority.Published);
    }

    [Fact]
    public async Task Revoke_AnotherHomeWithTheSameCaPublished_TakesItsEntriesAlong()
    {
        await Issue("jo", "a");
        using var other = new TempDirectory();
        Directory.CreateDirectory(other.File("pki"));
        foreach (var file in new[] { "pki/ca.pem", "pki/ca.key" })
            File.Copy(home.File(file), other.File(file));
        (await overture.Run("pki", "revoke", "--unlisted", "0x4f0a", "--home", other.Path)).Exit(0);
        // That home is first twice more, each time between this one's look and its own list.
        var more = new Queue<byte>([1, 2]);
        overture.CertAuthority.Beaten = _ =>
        {
            if (!more.TryDequeue(out var serial))
                return null;
            using var ca = Overture.Cli.Pki.InternalCa.Open(other.Path);
            var lists = new Overture.Cli.Pki.InternalRevocations(other.Path, ca, TimeProvider.System);
            return lists.Next([lists.Current()], [Overture.Platform.Certificates.SerialNumber.Of([serial])]);
        };
        Assert.Equal("4", (await Pki("revoke", "jo", "-o", "json")).Exit(0).Json()["number"]!.ToString());
        // None was lost.
        Assert.Equal(4, overture.CertAuthority.InternalCrls[^1].Entries.Count);
        Assert.Contains("4F0A", (await Shell.Run("openssl", "crl", "-noout", "-text", "-in", home.File("pki/crl.pem"))).Ok(),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task RevokeOffline_ThenPublishElsewhere()
    {
        await Issue("jo", "a");
        var answer = (await Pki("revoke", "jo", "--offline", "-o", "json")).Exit(0)
            .Says($"NOT in force yet; next: overture pki publish {home.File("pki/crl.pem")}").Json();
        Assert.Equal(("1", "false"), (answer["number"]!.ToString(), answer["published"]!.ToString()));
        Assert.Equal(0, overture.CertAuthority.Published);
        (await overture.Run("pki", "publish", home.File("pki/crl.pem"))).Exit(0).Says("published");
        var list = await File.ReadAllTextAsync(home.File("pki/crl.pem"));
        (await overture.Run(["pki", "publish", "-"], [], list)).Exit(0);
        Assert.Equal([list, list], overture.CertAuthority.InternalCrls.Select(l => l.Pem));
        (await overture.Run("pki", "publish", home.File("nothing.pem"))).Exit(2).Says("nothing.pem");
        await File.WriteAllTextAsync(home.File("large"), new string('a', 300_000));
        (await overture.Run("pki", "publish", home.File("large"))).Exit(2).Says("is larger than any such list");
    }

    [Fact]
    public async Task RevokeOffline_TwiceBeforeItIsPublished_IsSignedAgainUnderTheNextNumber()
    {
        await Issue("jo", "a");
        await Issue("kim", "b");
        (await Pki("revoke", "jo", "--offline")).Exit(0);
        (await Pki("revoke", "kim", "--offline")).Exit(0);
        (await overture.Run("pki", "publish", home.File("pki/crl.pem"))).Exit(6).Says("make list 1");
        (await Pki("revoke", "kim", "--number", "1")).Exit(2).Says("only with --offline");
        (await Pki("revoke", "kim", "--offline", "--number", "0")).Exit(2);
        (await Pki("revoke", "kim", "--offline", "--number", "1")).Exit(0);
        (await overture.Run("pki", "publish", home.File("pki/crl.pem"))).Exit(0);
        Assert.Equal(2, overture.CertAuthority.InternalCrls.Single().Entries.Count);
    }

    [Theory]
    [InlineData("profile=a/../b")]
    [InlineData("label.team=a/./b")]
    [InlineData("label.team=a/..")]
    public async Task Issue_ScopeThatACertificateWouldSayOtherwise_IsRefused(string scope)
    {
        (await Pki("issue", "--role", "operator", "--name", "jo", "--scope", scope, "--out", home.File("jo"))).Exit(2).Says("--scope");
        Assert.False(Path.Exists(home.File("jo")));
        Assert.False(Path.Exists(home.File("pki/issued")));
    }

    [Fact]
    public async Task IssueAndRevoke_WhileAnotherIsAtIt_ChangeNothing()
    {
        await Issue("jo", "a");
        using (Overture.Cli.Pki.PkiLock.TryTake(home.Path))
        {
            (await Pki("issue", "--role", "viewer", "--name", "kim")).Exit(6).Says("run this again once that has ended");
            (await Pki("revoke", "jo", "--offline")).Exit(6).Says("pki/lock");
        }
        Assert.Single(Directory.GetFiles(home.File("pki/issued")));
        Assert.False(File.Exists(home.File("pki/crl.pem")));
        (await Pki("revoke", "jo", "--offline")).Exit(0);
    }

    private Task<Ran> Pki(params string[] arguments) => overture.Run(["pki", .. arguments, "--home", home.Path]);

    private async Task<string> Issue(string name, string to) =>
        (await Pki("issue", "--role", "operator", "--name", name, "--out", home.File(to), "-o", "json")).Exit(0).Json()["serial"].Text();

    private async Task<IEnumerable<string>> States() =>
        [.. (await Pki("list", "-o", "json")).Exit(0).Json()["certificates"]!.AsArray().Select(c => c!["state"].Text()).Order()];

    private string SerialOf(string party)
    {
        using var leaf = X509CertificateLoader.LoadCertificateFromFile(home.File($"pki/{party}.pem"));
        return $"{Overture.Platform.Certificates.SerialNumber.Of(leaf)}";
    }
}
