using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 B: certificates that should end, and would rather go on.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsBRenewal(CaFixture house, ITestOutputHelper output)
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
        await using var past = await RunningCa.Start(
            house, house.Options("t32-past") with { Clock = new ShiftedClock(TimeSpan.FromDays(-3)), LeafLife = TimeSpan.FromDays(1) });
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
        {
            await house.Store.PutIfAbsent(ObjectKeys.Block(node.Name, how), new Block { Schema = 1, Certname = $"{node.Name}", Id = how,
                Kind = BlockKind.Quarantined, Sentence = "for a test", At = new() }, default);
        }
        else
        {
            await house.Fact(node.Name, how);
        }
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
        // An old certificate that carries what no one may be granted any more: as if it had been moved in.
        using var old = await ca.Administrator("t34-imported.example.org");
        await house.Rewrite<Claim>((await house.Keys(ObjectKeys.ClaimsOf(old.Name))).Single(), claim =>
        {
            claim.Grant.Source = "import";
            ca.Services.GetRequiredService<RecordMac>().Put(claim);
        });
        await using var other = await house.Start("t34");
        using var elsewhere = other.AgentClient(old.Certificate);
        using var otherKey = RSA.Create(2048);
        var wish = new CsrBuilder("someone-else.example.org", otherKey).DnsNames("puppet")
            .PuppetExtension("1.3.6.1.4.1.34380.1.3.39", "true").Pem();

        using var first = await elsewhere.PostAsync(Renewal, new StringContent(wish));
        using var second = await elsewhere.PostAsync(Renewal, null);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        var pem = await first.Content.ReadAsStringAsync();
        Assert.Equal(pem, await second.Content.ReadAsStringAsync());
        using var renewed = X509Certificate2.CreateFromPem(pem);
        Assert.NotEqual(old.Certificate.SerialNumber, renewed.SerialNumber);
        Assert.Equal($"CN={old.Name}", renewed.Subject);
        Assert.Equal(old.Certificate.PublicKey.ExportSubjectPublicKeyInfo(), renewed.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal([old.Name.ToString()], renewed.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.NotNull(old.Certificate.Extensions["1.3.6.1.4.1.34380.1.3.39"]);
        Assert.DoesNotContain(renewed.Extensions, e => e.Oid!.Value!.StartsWith("1.3.6.1.4.1.34380.", StringComparison.Ordinal));
        Assert.True(renewed.NotAfter.ToUniversalTime() <= TimeProvider.System.GetUtcNow().UtcDateTime + other.Options.RenewingLeafLife);
        Assert.Equal(2, (await house.Keys(ObjectKeys.ClaimsOf(old.Name))).Count);
        output.WriteLine(
            $"sent a wish for another name, key and pp_cli_auth: 200; the store holds the old claim and renew-{old.Serial}: same key "
                + "and name, no extension");
    }
}
