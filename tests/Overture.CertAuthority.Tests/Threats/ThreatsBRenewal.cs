using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Issuance;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 B: certificates that should end, and would rather go on.</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsBRenewal(CaHouse house, ITestOutputHelper output)
{
    private static readonly Uri Renewal = new("certificate_renewal", UriKind.Relative);
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T32_RevokedElsewhereAMomentAgo_IsNotRenewedHere()
    {
        await using var other = await house.Start("t32");
        using var node = await ca.Node();
        // A connection that was there before: no handshake stands in the way.
        (await node.Http.GetAsync(new Uri("certificate/ca", UriKind.Relative))).Dispose();
        var oracle = await Oracle.Watch(ca, output);
        await other.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "a test" });

        using var answer = await node.Http.PostAsync(Renewal, null);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        output.WriteLine("asked another replica than the one that revoked, by an old connection: 403");
        await oracle.Holds();
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
    }

    [Fact]
    public async Task T32_Contested_IsNotRenewed()
    {
        var instance = await house.Launch();
        using var first = CsrBuilder.EcKey();
        using var second = CsrBuilder.EcKey();
        (await ca.Put(instance, first)).Dispose();
        using var node = ca.Client(instance.Name, (await ca.Certificate(instance.Name))!, first);
        (await node.Http.GetAsync(new Uri("certificate/ca", UriKind.Relative))).Dispose();
        (await ca.Put(instance, second)).Dispose();
        var oracle = await Oracle.Watch(ca, output);

        using var answer = await node.Http.PostAsync(Renewal, null);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        await oracle.Holds();
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task T32_Expired_IsNoConnection()
    {
        await using var past = await RunningCa.Start(house, house.Options("t32-past") with { Clock = new ShiftedClock(TimeSpan.FromDays(-3)), LeafLife = TimeSpan.FromDays(1) });
        using var node = await past.Node(l =>
        {
            l.NotBefore = TimeProvider.System.GetUtcNow().AddDays(-4).ToTimestamp();
        });
        Assert.True(node.Certificate.NotAfter.ToUniversalTime() < TimeProvider.System.GetUtcNow().UtcDateTime);
        var oracle = await Oracle.Watch(ca, output);
        using var here = ca.AgentClient(node.Certificate);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => here.PostAsync(Renewal, null));

        output.WriteLine("shown an expired certificate: no TLS connection");
        await oracle.Holds();
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
    }

    [Theory]
    [InlineData("terminating"), InlineData("terminated"), InlineData("quarantined")]
    public async Task T33_InstanceThatEnded_IsNotRenewed(string how)
    {
        using var node = await ca.Node();
        if (how == "quarantined")
            await house.Store.PutIfAbsent(ObjectKeys.Block(node.Name, how), new Block { Schema = 1, Certname = $"{node.Name}", Id = how, Kind = BlockKind.Quarantined, Sentence = "for a test" }, default);
        else
            await house.Fact(node.Name, how);
        var oracle = await Oracle.Watch(ca, output);

        using var answer = await node.Http.PostAsync(Renewal, null);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        oracle.Expect($"a renewal for an instance that is {how}", Reason.NotRenewable);
        await oracle.Whole(answer);
        await oracle.Holds();
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
    }

    [Fact]
    public async Task T34_RenewalThatAsksForMore_GetsTheGrantUnderTodaysPolicy()
    {
        // An old certificate with a longer life than today's, and an extension that nobody may be granted any more: from before it was moved in.
        var (name, key) = (house.NewName(), CsrBuilder.EcKey());
        var grant = new Grant { Source = "import", DnsAltNames = { "web.example.org" }, LifeSeconds = 3650L * 86400, Extensions = { ["1.3.6.1.4.1.34380.1.1.13"] = "web", ["1.3.6.1.4.1.34380.1.3.13"] = "compiler" } };
        var old = ca.Services.GetRequiredService<ClaimMaker>().Make(name, "1", SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()), grant, Reason.Imported, "for a test");
        await ca.Services.GetRequiredService<ClaimStore>().Put(old, default);
        var released = await ca.Services.GetRequiredService<FinishClaim>().Run(old, null, Caller.Own("test"), default);
        using var node = ca.Client(name, released!.Pem, key);
        using var otherKey = RSA.Create(2048);
        var wish = new CsrBuilder("someone-else.example.org", otherKey).DnsNames("puppet").PuppetExtension("1.3.6.1.4.1.34380.1.3.39", "true").Pem();

        using var first = await node.Http.PostAsync(Renewal, new StringContent(wish));
        using var second = await node.Http.PostAsync(Renewal, null);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        var pem = await first.Content.ReadAsStringAsync();
        Assert.Equal(pem, await second.Content.ReadAsStringAsync());
        using var renewed = X509Certificate2.CreateFromPem(pem);
        Assert.Equal($"CN={name}", renewed.Subject);
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), renewed.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal([name.ToString(), "web.example.org"], renewed.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.Equal(["1.3.6.1.4.1.34380.1.1.13"], renewed.Extensions.Select(e => e.Oid!.Value!).Where(o => o.StartsWith("1.3.6.1.4.1.34380.", StringComparison.Ordinal)));
        Assert.True(renewed.NotAfter.ToUniversalTime() <= TimeProvider.System.GetUtcNow().UtcDateTime + ca.Options.RenewingLeafLife);
        Assert.NotEqual(node.Serial, Convert.ToHexStringLower(renewed.SerialNumberBytes.Span));
        output.WriteLine($"the store holds the old claim and renew-{node.Serial}: same key and names, 180 d at most, no pp_auth_role");
        Assert.Equal(2, (await house.Keys(ObjectKeys.ClaimsOf(name))).Count);
        key.Dispose();
    }
}
