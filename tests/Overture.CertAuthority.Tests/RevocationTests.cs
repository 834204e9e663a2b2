using System.Net;
using System.Security.Cryptography;
using Grpc.Core;
using Overture.Records.V1;
using Overture.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.CertAuthority.Tests;

/// <summary>Revoking, lists of revoked certificates, and the end of an instance (docs/threats.md §3.4, I04, I06, I07).</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class RevocationTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Revoke_SignedName_IsOnTheListWhenItReturns()
    {
        var (instance, serial) = await Enrolled();

        var answer = await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "stolen" });

        Assert.Equal([serial], answer.Serials);
        var crl = await ca.Admin.GetCrlAsync(new());
        Assert.Equal(answer.CrlNumber, crl.Number);
        Assert.Contains(SerialNumber.Recorded(serial), Entries(crl.CrlPem).Serials);
        Assert.Contains("revoked", (await ca.Timeline(instance.Name)).Select(e => e.Key));
        Assert.Null(await ca.Certificate(instance.Name));
        var found = await ca.Admin.GetCertificateAsync(new() { Certname = instance.Name.ToString() });
        Assert.True(found.Revoked);
        Assert.Equal("TOKEN_ACCEPTED", found.Decision.Reason);
        var record = await Eventually.Get(async () =>
            (await ca.AuditRecords()).FirstOrDefault(r => r.Action == "cert.revoked" && r.Serial == serial), "the revocation is audited");
        Assert.Equal("admin", record.Actor);
    }

    [Fact]
    public async Task Revoke_Twice_ChangesNothing()
    {
        var (instance, _) = await Enrolled();
        var first = await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "once" });

        var second = await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "twice" });

        Assert.Equal(first.Serials, second.Serials);
        Assert.Equal("once", Assert.Single(await house.All<Block>(ObjectKeys.BlocksOf(instance.Name))).Sentence);
    }

    [Fact]
    public async Task Revoke_BeforeTheRequestComes_BlocksIt()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "launched by mistake" });

        using var answer = await ca.Put(instance, key);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task Revoke_UnknownOrUnreasoned_IsRefused()
    {
        var unknown = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.RevokeCertificateAsync(new() { Certname = house.NewName().ToString(), Reason = "x" }));
        Assert.Equal(StatusCode.NotFound, unknown.StatusCode);
        var (instance, _) = await Enrolled();
        var silent = await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString() }));
        Assert.Equal(StatusCode.InvalidArgument, silent.StatusCode);
        Assert.NotNull(await ca.Certificate(instance.Name));
    }

    [Fact]
    public async Task TwoPublishers_ListsOnlyGrow()
    {
        await using var second = await house.Start("crl2");
        var instances = await Task.WhenAll(Enumerable.Range(0, 16).Select(async _ => await Enrolled()));

        var answers = await Task.WhenAll(instances.Select(async (e, i) =>
            await (i % 2 == 0 ? ca : second).Admin.RevokeCertificateAsync(new() { Certname = e.Item1.Name.ToString(), Reason = "many" })));

        var lists = await house.All<CrlRecord>(ObjectKeys.Crls);
        Assert.Equal(lists.Select(l => l.Number), Enumerable.Range(1, lists.Count).Select(n => (long)n));
        var before = new HashSet<SerialNumber>();
        foreach (var list in lists)
        {
            var entries = Entries(list.Pem);
            Assert.Equal(list.Number, entries.Number);
            Assert.Superset(before, entries.Serials.ToHashSet());
            before = [.. entries.Serials];
        }
        // I07: what was acknowledged is on the list that was named, and so on every later one.
        for (var i = 0; i < answers.Length; i++)
            Assert.Contains(SerialNumber.Recorded(instances[i].Serial), Entries(lists[(int)answers[i].CrlNumber - 1].Pem).Serials);
        // At most one a second each: sixteen revocations made a few lists.
        Assert.True(answers.Select(a => a.CrlNumber).Distinct().Count() <= 6, "one list for each revocation");
    }

    [Fact]
    public async Task Publish_AnotherPublishesBetweenItsTwoLooks_NothingIsLost()
    {
        var (instance, serial) = await Enrolled();
        var store = new FaultyStore(house.Store);
        var publish = ActivatorUtilities.CreateInstance<PublishCrl>(
            ca.Services, store, ActivatorUtilities.CreateInstance<RevocationStore>(ca.Services, store));
        // It lists numbers and revocations; at the second of the two, another replica revokes and publishes.
        var first = true;
        async Task Look()
        {
            if (!first)
                await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "between" });
            first = false;
        }
        store.BeforeList[ObjectKeys.Crls] = Look;
        store.BeforeList[ObjectKeys.Revocations] = Look;

        var list = await publish.Run(always: true, default);

        Assert.Contains(SerialNumber.Recorded(serial), Entries(list.Pem).Serials);
    }

    [Fact]
    public async Task Terminating_IsClosedAndOnTheList()
    {
        var (instance, serial) = await Enrolled();
        using var late = CsrBuilder.EcKey();

        await house.Fact(instance.Name, "terminating");
        ca.Services.GetRequiredService<Timeline>().Announce(instance.Name, "terminating");

        var closure = await Eventually.Get(
            () => house.Store.Get<Closure>(ObjectKeys.Closed(instance.Name), default), "the name is closed");
        Assert.Equal([serial], closure.Serials);
        var list = (await house.Store.Get<CrlRecord>(ObjectKeys.Crl(closure.CrlNumber), default))!;
        Assert.Contains(SerialNumber.Recorded(serial), Entries(list.Pem).Serials);
        Assert.Equal(BlockKind.Terminated, Assert.Single(await house.All<Block>(ObjectKeys.BlocksOf(instance.Name))).Kind);
        Assert.Null(await ca.Certificate(instance.Name));
        using var answer = await ca.Put(instance, late);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Terminating_WithoutAWord_IsFoundByTheSweep()
    {
        var instance = await house.Launch();

        await house.Fact(instance.Name, "terminating");

        var closure =
            await Eventually.Get(() => house.Store.Get<Closure>(ObjectKeys.Closed(instance.Name), default), "the sweep closes the name");
        Assert.Empty(closure.Serials);
    }

    [Fact]
    public async Task Start_PublishesAFreshNumber()
    {
        var before = (await house.Keys(ObjectKeys.Crls)).Count;
        await using var another = await house.Start("crl3");
        Assert.True((await house.Keys(ObjectKeys.Crls)).Count > before);
        await Eventually.True(async () => (await ca.Admin.GetCrlAsync(new())).Number >= before + 1, "the other replica serves it too");
    }

    [Fact]
    public async Task Certificate_AndList_SatisfyOpenssl()
    {
        using var files = new TempDirectory();
        using var key = RSA.Create(2048);
        var instance = await house.Launch(l => l.Extensions.Add("pp_role", "web"));
        (await ca.Put(instance, key)).Dispose();
        var (revoked, _) = await Enrolled();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = revoked.Name.ToString(), Reason = "gone" });
        var bad = (await ca.Admin.GetCertificateAsync(new() { Certname = revoked.Name.ToString() })).CertificatePem;
        var lists = (await ca.Admin.GetCrlAsync(new())).CrlPem;
        await File.WriteAllTextAsync(files.File("good.pem"), await ca.Certificate(instance.Name));
        await File.WriteAllTextAsync(files.File("bad.pem"), bad);
        await File.WriteAllTextAsync(files.File("crl.pem"), lists);
        string[] verify = ["verify", "-x509_strict", "-crl_check_all", "-CAfile", house.BundleFile, "-CRLfile", files.File("crl.pem")];

        var good = await Tool.Run("openssl", [.. verify, files.File("good.pem")]);
        Assert.True(good.Exit == 0, good.Output);
        var refused = await Tool.Run("openssl", [.. verify, files.File("bad.pem")]);
        Assert.Contains("certificate revoked", refused.Output, StringComparison.Ordinal);
        var text = (await Tool.Run("openssl", "x509", "-in", files.File("good.pem"), "-noout", "-text")).Output;
        foreach (var expected in new[]
        {
            $"Subject: CN = {instance.Name}", $"DNS:{instance.Name}", "Puppet Server Internal Certificate",
                "X509v3 Basic Constraints: critical", "CA:FALSE",
            "X509v3 Extended Key Usage: critical", "TLS Web Server Authentication, TLS Web Client Authentication",
            "X509v3 Key Usage: critical",
            "Digital Signature, Key Encipherment", "sha256WithRSAEncryption", "1.3.6.1.4.1.34380.1.1.13", "..web",
        })
        {
            Assert.Contains(expected, text, StringComparison.Ordinal);
        }
        var list =
            await Tool.Run("openssl", "crl", "-in", files.File("crl.pem"), "-CAfile", house.BundleFile, "-verify", "-noout", "-text");
        Assert.Contains("verify OK", list.Output, StringComparison.Ordinal);
        foreach (var expected in new[] { "X509v3 CRL Number", "X509v3 Authority Key Identifier", "Key Compromise" })
            Assert.Contains(expected, list.Output, StringComparison.Ordinal);
    }

    // By openssl's own judgement, at the time that such a machine has.
    [Fact]
    public async Task Point5_ClockTenMinutesBehind_AcceptsListAndCertificates()
    {
        using var files = new TempDirectory();
        var (revoked, _) = await Enrolled();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = revoked.Name.ToString(), Reason = "so that the list is new" });
        var (instance, _) = await Enrolled();
        await File.WriteAllTextAsync(files.File("leaf.pem"), await ca.Certificate(instance.Name));
        await File.WriteAllTextAsync(
            files.File("api.pem"), ca.Services.GetRequiredService<ServerLeaf>().Current.Leaf.ExportCertificatePem());
        await File.WriteAllTextAsync(files.File("crl.pem"), (await ca.Admin.GetCrlAsync(new())).CrlPem);

        foreach (var shown in new[] { "leaf.pem", "api.pem" })
        {
            var at = TimeProvider.System.GetUtcNow().AddMinutes(-10).ToUnixTimeSeconds();
            var (exit, output) = await Tool.Run("openssl", "verify", "-attime", $"{at}", "-x509_strict", "-crl_check_all", "-CAfile",
                house.BundleFile, "-CRLfile", files.File("crl.pem"), files.File(shown));
            Assert.True(exit == 0, output);
        }
        // An agent that refreshes gets the new one all the same: it asks with the time of its file.
        using var refresh = new HttpRequestMessage(HttpMethod.Get, new Uri("certificate_revocation_list/ca", UriKind.Relative)) { Headers =
            { IfModifiedSince = TimeProvider.System.GetUtcNow().AddHours(-1) } };
        using var answer = await ca.Agent.SendAsync(refresh);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private async Task<(Launched Instance, string Serial)> Enrolled()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        using var answer = await ca.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (instance, Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name))).Serial);
    }

    private CrlDocument Entries(string pem) => CrlDocument.Read(CrlPem.Split(pem)[0], ca.Services.GetRequiredService<CaSigner>().Ca);
}
