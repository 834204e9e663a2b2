using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A site's CA of before Overture with a bit of history, imported once; every test folds it into a store of its own.</summary>
public sealed class ImportedFixture : IAsyncLifetime
{
    private readonly TempDirectory home = new();

    public OldCa Old { get; private set; } = null!;
    public string CaDirectory => home.File("ca");

    /// <summary>An agent's ssldir, as it was when its certificate was signed.</summary>
    public string AgentSsl { get; private set; } = "";

    public async Task InitializeAsync()
    {
        Old = await OldCa.BySetup();
        await Old.Sign("web.example.org", 0xAB);
        await Old.Sign("web.example.org", 0xAC,
            "subjectAltName=DNS:web.example.org,DNS:www.example.org\n1.3.6.1.4.1.34380.1.1.13=ASN1:UTF8String:web\n1.3.6.1.4.1.34380.1.3.39=ASN1:UTF8String:true");
        await Old.Sign("gone.example.org", 0x10);
        await Old.Sign("_odd.example.org", 0x30);
        await Old.Sign("short.example.org", 0x41, days: 400);
        // Certified again, and the newer of the two revoked: the older one no one has any more.
        await Old.Sign("twice.example.org", 0x50);
        await Old.Sign("twice.example.org", 0x51);
        await Old.Revoke(0x51);
        await Old.Revoke(0x10, "superseded");
        await Old.Revoke(0x30);
        AgentSsl = await Old.Sign("agent.example.org", 0x20);
        var import = PuppetCaImport.Read(Old.Path, TimeProvider.System);
        Assert.Empty(import.Findings.Problems);
        import.Write(CaDirectory);
    }

    public Task DisposeAsync()
    {
        Old.Dispose();
        home.Dispose();
        return Task.CompletedTask;
    }
}

[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class FoldImportedTests(CaFixture house, ImportedFixture imported) : IClassFixture<ImportedFixture>, IDisposable
{
    private readonly TempDirectory home = new();

    private ObjectStore Store => DirectoryStore.At(home.File("objects"));

    public static TheoryData<string, Break> Points => new()
    {
        { "ca/revoked/", Break.Before }, { "ca/revoked/", Break.After }, { "ca/crl/", Break.Before }, { "ca/crl/", Break.After },
            { "ca/claims/", Break.Before }, { "ca/claims/", Break.After },
        { "ca/certs/", Break.Before }, { "ca/certs/", Break.After }, { "ca/keys/", Break.Before }, { "ca/keys/", Break.After },
        { "ca/imported/", Break.Before }, { "ca/imported/", Break.After },
    };

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task Start_Imported_ServesEveryNameAndKnowsItsHistory()
    {
        await using var ca = await Start("import");

        Assert.Equal(
            Thumbprint(imported.Old.Text("signed/web.example.org.pem")), Thumbprint((await ca.Certificate(Name("web.example.org")))!));
        Assert.NotNull(await ca.Certificate(Name("puppet.example.org")));
        var claims = (await All<Claim>(ObjectKeys.ClaimsOf(Name("web.example.org")))).OrderBy(c => c.Serial, StringComparer.Ordinal)
            .ToList();
        Assert.Equal([("import-00ab", "import", ""), ("import-00ac", "import", claims[1].SpkiSha256)],
            claims.Select(c => (c.Claim_, c.Issuer, c.SpkiSha256)));
        var grant = claims[1].Grant;
        Assert.Equal(("import", "www.example.org", "1.3.6.1.4.1.34380.1.1.13=web"),
            (grant.Source, Assert.Single(grant.DnsAltNames), Assert.Single(grant.Extensions.Select(e => $"{e.Key}={e.Value}"))));
        Assert.NotNull(await Store.Get(ObjectKeys.KeyOwner(claims[1].SpkiSha256), default));
        Assert.Equal(("00ac", "IMPORTED"), ((await ca.Admin.GetCertificateAsync(new() { Certname = "web.example.org" })) is var found
            ? (found.Serial, found.Decision.Reason)
            : default));
    }

    [Fact]
    public async Task Start_Imported_TheListIsTheTruthOfRevocation()
    {
        await using var ca = await Start("revoked");

        Assert.Null(await ca.Certificate(Name("gone.example.org")));
        using var twice = await ca.Get("certificate/twice.example.org");
        Assert.Equal(HttpStatusCode.NotFound, twice.StatusCode);
        Assert.Null(await Store.Get(ObjectKeys.Certificate("50"), default));
        var record = (await Store.Get<RevocationRecord>(ObjectKeys.Revocation("10"), default))!;
        Assert.Equal(
            ("gone.example.org", 4, "2026-03-01T12:00:00"), (record.Certname, record.ReasonCode, record.At.ToDateTime().ToString("s")));
        Assert.True(record.CertificateNotAfter.ToDateTimeOffset() > TimeProvider.System.GetUtcNow().AddDays(1800));
        var crl = await ca.Admin.GetCrlAsync(new());
        var old = CrlFacts.Read(CrlPem.Split(imported.Old.Text("ca_crl.pem"))[0]);
        Assert.NotNull(await Store.Get<CrlRecord>(ObjectKeys.Crl(old.Number!.Value), default));
        var now = CrlFacts.Read(CrlPem.Split(crl.CrlPem)[0]);
        Assert.Equal(old.Number + 1, now.Number);
        Assert.Equal(
            old.Entries.OrderBy(e => $"{e.Serial}", StringComparer.Ordinal),
            now.Entries.OrderBy(e => $"{e.Serial}", StringComparer.Ordinal));
        Assert.Equal(2, CrlPem.Split(crl.CrlPem).Count);
    }

    [Fact]
    public async Task ListCertificates_Imported_HasThoseOfTheInventoryAloneAndOfOtherNames()
    {
        await using var ca = await Start("listed");
        var all = (await ca.Admin.ListCertificatesAsync(new() { PageSize = 500 })).Certificates;
        Assert.Equal(["_odd.example.org 30 Revoked", "agent.example.org 20 Valid", "gone.example.org 10 Revoked",
            "puppet.example.org 01 Valid", "short.example.org 41 Valid", "twice.example.org 50 Valid", "twice.example.org 51 Revoked",
            "web.example.org 00ab Valid", "web.example.org 00ac Valid"], all.Select(c => $"{c.Certname} {c.Serial} {c.State}"));
        Assert.All(all, c => Assert.Equal("import", c.Issuer));
        // The inventory has no key and no beginning.
        Assert.Equal(("", null), (all[5].KeyAlgorithm, all[5].NotBefore));
        Assert.Equal("RSA 2048", all[8].KeyAlgorithm);
    }

    [Fact]
    public async Task Start_NameOfAnotherGrammar_IsToldAndStaysRevoked()
    {
        await using var ca = await Start("odd");
        var done = Assert.Single(await All<ImportDone>("ca/imported/"));
        Assert.Equal((6, 2, 3, "_odd.example.org"), (done.Certificates, done.Older, done.Revocations, Assert.Single(done.Skipped)));
        Assert.Contains(
            ca.Options.Log.Lines, l => l.StartsWith("Warning ca.import.no_certname: '_odd.example.org'", StringComparison.Ordinal));
        Assert.NotNull(await Store.Get(ObjectKeys.Revocation("30"), default));
    }

    [Fact]
    public async Task Explain_CertificateThatTheInventoryAloneKnows_IsNotCalledUnsigned()
    {
        await using var ca = await Start("explain");
        var serial = (await ca.Admin.ExplainCertificateAsync(new() { Serial = "00AB" })).Summary;
        Assert.Contains("certificate 00ab is good until ", serial, StringComparison.Ordinal);
        Assert.Contains("before it was moved in; it is known by the imported inventory alone", serial, StringComparison.Ordinal);
        // Its newer certificate is revoked; the older one is still valid.
        var name = (await ca.Admin.ExplainCertificateAsync(new() { Certname = "twice.example.org" })).Summary;
        Assert.StartsWith("certificate 50 is good until ", name, StringComparison.Ordinal);
        Assert.DoesNotContain("not signed", serial + name, StringComparison.Ordinal);
        await ca.Admin.RevokeCertificateAsync(new() { Serial = "50", Reason = "no more" });
        var revoked = (await ca.Admin.ExplainCertificateAsync(new() { Serial = "0x50" })).Summary;
        Assert.Contains("was revoked at", revoked, StringComparison.Ordinal);
        Assert.DoesNotContain("never released", revoked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Import_NameOfMoreThan64Characters_ComesAlongIsKnownAndCanBeRevokedByNameAndSerial()
    {
        using var old = await OldCa.SelfSigned();
        var (longer, odd) = (new string('a', 70) + ".example.org", "odd name@example.org");
        using var first = old.SignAny(longer, 0x27);
        using var second = old.SignAny(odd, 0x28);
        var import = PuppetCaImport.Read(old.Path, TimeProvider.System);
        Assert.Equal([longer, odd], import.Certificates!.OtherNames);
        Assert.Empty(import.Findings.Skipped);
        import.Write(home.File("ca"));
        await using var ca = await RunningCa.Start(house, Options("long") with { CaDirectory = home.File("ca") });
        using var admin = await ca.Administrator();
        using var client = ca.AgentClient(first);

        // Its holder is known, and seen by Puppet's tools.
        using (var answer = await client.GetAsync(new Uri("certificate_revocation_list/ca", UriKind.Relative)))
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("\"state\":\"signed\"", await admin.Http.GetStringAsync(new Uri($"certificate_status/{longer}", UriKind.Relative)),
            StringComparison.Ordinal);
        Assert.Contains(
            longer, await admin.Http.GetStringAsync(new Uri("certificate_statuses/all", UriKind.Relative)), StringComparison.Ordinal);
        Assert.Contains(
            "is not renewed", (await ca.Admin.ExplainCertificateAsync(new() { Certname = longer })).Summary, StringComparison.Ordinal);
        // As `puppetserver ca revoke --certname` does it, and by its serial as openssl prints it, which is a decimal number too.
        using var revoke = new StringContent("{\"desired_state\":\"revoked\"}", System.Text.Encoding.UTF8, "application/json");
        using (var answer = await admin.Http.PutAsync(new Uri($"certificate_status/{longer}", UriKind.Relative), revoke))
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        var gone = await ca.Admin.RevokeCertificateAsync(new() { Serial = "28", Reason = "test" });
        Assert.Equal((odd, "28"), (gone.Certname, Assert.Single(gone.Serials)));

        Assert.Equal(
            ["27", "28"], CrlFacts.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries.Select(e => $"{e.Serial}")
            .Order(StringComparer.Ordinal));
        using var again = ca.AgentClient(first);
        await Assert.ThrowsAsync<HttpRequestException>(() => again.GetAsync(new Uri("certificate/ca", UriKind.Relative)));
        Assert.Contains("\"state\":\"revoked\"", await admin.Http.GetStringAsync(new Uri($"certificate_status/{longer}", UriKind.Relative)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revoke_ImportedName_ReachesEveryCertificateItEverHad()
    {
        await using var ca = await Start("revoke");

        var answer = await ca.Admin.RevokeCertificateAsync(new() { Certname = "web.example.org", Reason = "test" });

        Assert.Equal(["00ab", "00ac"], answer.Serials.Order(StringComparer.Ordinal));
        var crl = (await ca.Admin.GetCrlAsync(new())).CrlPem;
        Assert.Equal(["00ab", "00ac", "10", "30", "51"],
            CrlFacts.Read(CrlPem.Split(crl)[0]).Entries.Select(e => $"{e.Serial}").Order(StringComparer.Ordinal));
        Assert.Null(await ca.Certificate(Name("web.example.org")));
        await File.WriteAllTextAsync(home.File("crl.pem"), crl);
        var text = await Tool.Run(
            "openssl", "crl", "-in", home.File("crl.pem"), "-CAfile", imported.Old.File("ca_crt.pem"), "-verify", "-noout", "-text");
        Assert.Contains("verify OK", text.Output, StringComparison.Ordinal);
        Assert.Matches("Serial Number: 0?AC", text.Output);
    }

    [Fact]
    public async Task Start_Again_WritesNothingOfTheImport()
    {
        await (await Start("first")).DisposeAsync();
        var before = await Imported();
        await (await Start("second")).DisposeAsync();
        Assert.Equal(before, await Imported());
    }

    [Theory, MemberData(nameof(Points))]
    public async Task Start_KilledAtAWrite_GoesOnToTheSameEnd(string prefix, Break where)
    {
        var store = new FaultyStore(Store);
        store.FailNext(prefix, where);
        await Assert.ThrowsAnyAsync<Exception>(() => Start("killed", store));
        Assert.True(store.Tripped);

        await using var ca = await Start("killed");

        Assert.Equal((8, 6, 3, 1), ((await All<Claim>("ca/claims/")).Count(c => c.Issuer == "import"), (await Keys("ca/certs/")).Count - 1,
            (await Keys("ca/revoked/")).Count, (await Keys("ca/imported/")).Count));
        Assert.NotNull(await ca.Certificate(Name("agent.example.org")));
        Assert.Null(await ca.Certificate(Name("gone.example.org")));
    }

    [Fact]
    public async Task Start_DamagedImport_IsRefusedByName()
    {
        var directory = home.File("ca");
        await Tool.Run("cp", "-a", imported.CaDirectory, directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "imported/signed/web.example.org.pem"), "torn");
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(
            () => RunningCa.Start(house, Options("damaged") with { CaDirectory = directory }));
        Assert.Contains("web.example.org.pem", refusal.Message, StringComparison.Ordinal);
    }

    // docs/puppet-contracts.md §10, row 28.
    [Fact]
    public async Task Row28_OldAgentOfAnImportedCa_GoesOnAndIsRevokedByName()
    {
        await using var ca = await Start("agent");
        await Tool.Run("cp", "-a", imported.AgentSsl, home.File("ssl"));
        var (exit, output) = await Puppet(ca, "verify");
        Assert.True(exit == 0, output);
        Assert.Contains("Verified client certificate", output, StringComparison.Ordinal);

        // It trusts our API by the bundle it has had for years, and takes our list.
        File.Delete(home.File("ssl/crl.pem"));
        (exit, output) = await Puppet(ca, "bootstrap");
        Assert.True(exit == 0, output);
        Assert.Equal((await ca.Admin.GetCrlAsync(new())).Number,
            CrlFacts.Read(CrlPem.Split(await File.ReadAllTextAsync(home.File("ssl/crl.pem")))[0]).Number);

        await ca.Admin.RevokeCertificateAsync(new() { Certname = "agent.example.org", Reason = "test" });
        File.Delete(home.File("ssl/crl.pem"));
        (exit, output) = await Puppet(ca, "bootstrap");
        Assert.Equal(1, exit);
        Assert.Contains("revoked", output, StringComparison.Ordinal);
        using var own = X509Certificate2.CreateFromPemFile(
            home.File("ssl/certs/agent.example.org.pem"), home.File("ssl/private_keys/agent.example.org.pem"));
        using var client = ca.AgentClient(own);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("certificate/ca", UriKind.Relative)));
    }

    [Fact]
    public async Task NewCertificate_UnderTheImportedCa_HoldsForOldAgents()
    {
        await using var ca = await Start("new");
        var name = await Enrol(ca);
        await VerifiedByOpenssl(ca, name, imported.Old.File("ca_crt.pem"));
    }

    [Theory]
    [InlineData(null, "sha256WithRSAEncryption"), InlineData("secp384r1", "ecdsa-with-SHA384")]
    public async Task SelfSignedCa_Imported_ServesSignsAndRevokes(string? curve, string algorithm)
    {
        using var old = await OldCa.SelfSigned(curve);
        await old.Sign("old.example.org", 2);
        PuppetCaImport.Read(old.Path, TimeProvider.System).Write(home.File("ca"));
        await using var ca = await RunningCa.Start(house, Options("self-signed") with { CaDirectory = home.File("ca") });

        Assert.Equal(Thumbprint(old.Text("signed/old.example.org.pem")), Thumbprint((await ca.Certificate(Name("old.example.org")))!));
        var name = await Enrol(ca);
        var text = await VerifiedByOpenssl(ca, name, old.File("ca_crt.pem"));
        Assert.Contains($"Signature Algorithm: {algorithm}", text, StringComparison.Ordinal);
        Assert.Equal(["02"], (await ca.Admin.RevokeCertificateAsync(new() { Certname = "old.example.org", Reason = "test" })).Serials);
        Assert.Single(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem));
        Assert.Empty(Assert.Single(await All<ImportDone>("ca/imported/")).Skipped);
    }

    private TestCaOptions Options(string replica) => house.Options(replica)
        with { CaDirectory = imported.CaDirectory, Bucket = "file:" + home.File("objects"), StateDirectory = home.File("state") };

    private Task<RunningCa> Start(string replica, ObjectStore? store = null) =>
        RunningCa.Start(house, Options(replica) with { Store = store });

    // A hand-written launch of the Conductor in this test's own store.
    private async Task<CertName> Enrol(RunningCa ca)
    {
        var instance = await house.Launch();
        var record = (await house.Store.Get(ObjectKeys.Launch(instance.Name), default))!;
        await Store.PutIfAbsent(ObjectKeys.Launch(instance.Name), record.Body, default);
        using var key = CsrBuilder.EcKey();
        using var answer = await ca.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return instance.Name;
    }

    private async Task<string> VerifiedByOpenssl(RunningCa ca, CertName name, string bundle)
    {
        await File.WriteAllTextAsync(home.File("leaf.pem"), await ca.Certificate(name));
        await File.WriteAllTextAsync(home.File("crl.pem"), (await ca.Admin.GetCrlAsync(new())).CrlPem);
        var verified = await Tool.Run(
            "openssl", "verify", "-crl_check_all", "-CAfile", bundle, "-CRLfile", home.File("crl.pem"), home.File("leaf.pem"));
        Assert.True(verified.Exit == 0, verified.Output);
        return (await Tool.Run("openssl", "x509", "-in", home.File("leaf.pem"), "-noout", "-text")).Output;
    }

    private Task<(int, string)> Puppet(RunningCa ca, string action) => Tool.Run("puppet", "ssl", action,
        "--confdir", home.File("conf"), "--vardir", home.File("var"), "--ssldir", home.File("ssl"), "--certname", "agent.example.org",
        "--ca_server", "localhost", "--ca_port", $"{ca.ApiPort}", "--waitforcert", "0", "--color", "false");

    private async Task<IReadOnlyList<string>> Keys(string prefix)
    {
        var keys = new List<string>();
        await foreach (var key in Store.List(prefix, null, default))
            keys.Add(key);
        return keys;
    }

    private async Task<IReadOnlyList<T>> All<T>(string prefix) where T : class, Google.Protobuf.IMessage, new()
    {
        var found = new List<T>();
        foreach (var key in await Keys(prefix))
            found.Add((await Store.Get<T>(key, default))!);
        return found;
    }

    // What the fold writes, with its bytes; not the CA API's own certificate, nor the lists that every start publishes.
    private async Task<Dictionary<string, string>> Imported()
    {
        var found = new Dictionary<string, string>();
        foreach (var key in (await Keys("ca/")).Where(k => k.Contains("/import-", StringComparison.Ordinal)
            || k.StartsWith("ca/revoked/", StringComparison.Ordinal) || k.StartsWith("ca/imported/", StringComparison.Ordinal)))
        {
            found[key] = (await Store.Get(key, default))!.ETag;
        }
        Assert.True(found.Count > 7);
        return found;
    }

    private static CertName Name(string text) => CertName.Parse(text);

    private static string Thumbprint(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHashString(HashAlgorithmName.SHA256);
    }
}
