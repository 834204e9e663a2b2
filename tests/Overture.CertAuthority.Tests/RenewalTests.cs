using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>POST certificate_renewal: from the claim's grant, once a serial, never for who has lost the right.</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class RenewalTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Renew_GoodCertificate_NewSerialSameKeySameGrant()
    {
        using var node = await ca.Node(l =>
        {
            l.DnsAltNames.Add("renewed.example.org");
            l.Extensions["pp_role"] = "web";
        });

        var (code, pem) = await Renew(node);

        Assert.Equal(HttpStatusCode.OK, code);
        using var renewed = X509Certificate2.CreateFromPem(pem);
        Assert.NotEqual(node.Certificate.SerialNumber, renewed.SerialNumber);
        Assert.Equal(node.Certificate.Subject, renewed.Subject);
        Assert.Equal(node.Certificate.PublicKey.ExportSubjectPublicKeyInfo(), renewed.PublicKey.ExportSubjectPublicKeyInfo());
        foreach (var oid in new[] { "2.5.29.17", "1.3.6.1.4.1.34380.1.1.13" })
            Assert.Equal(node.Certificate.Extensions[oid]!.RawData, renewed.Extensions[oid]!.RawData);
        // Today's life, not the old one's; and the old one is still good.
        Assert.InRange(renewed.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromDays(179),
            TimeSpan.FromDays(181));
        Assert.Null(await house.Store.Get(ObjectKeys.Revocation(node.Serial), default));
        Assert.Equal(pem, await ca.Certificate(node.Name));
        var claim = (await house.Store.Get<Claim>(ObjectKeys.Claim(node.Name, $"renew-{node.Serial}"), default))!;
        Assert.Equal(("RENEWED", "predecessor", "1"), (claim.Decision.Reason, claim.Grant.Source, claim.Origin));
        await ca.Audited(node.Name.ToString(), "RENEWED");
        Assert.Contains(await ca.Timeline(node.Name), e => e.Key == $"renewed:{node.Serial}");
    }

    [Fact]
    public async Task Renew_SameSerialManyTimes_IsOneCertificate()
    {
        using var node = await ca.Node();

        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Renew(node)));

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Code));
        Assert.Single(answers.Select(a => a.Pem).Distinct());
        Assert.Equal(2, (await house.Keys(ObjectKeys.ClaimsOf(node.Name))).Count);
    }

    [Fact]
    public async Task Renew_RenewedOne_GoesOnFromIt()
    {
        using var key = CsrBuilder.EcKey();
        var instance = await house.Launch();
        (await ca.Put(instance, key)).Dispose();
        using var first = ca.Client(instance.Name, (await ca.Certificate(instance.Name))!, key);
        using var second = ca.Client(instance.Name, (await Renew(first)).Pem, key);

        var (code, _) = await Renew(second);

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal("1", (await house.Store.Get<Claim>(ObjectKeys.Claim(instance.Name, $"renew-{second.Serial}"), default))!.Origin);
    }

    [Fact]
    public async Task Renew_WithoutCertificate_Is403InPuppetsWords()
    {
        using var answer = await ca.Agent.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.StartsWith("Forbidden request: /puppet-ca/v1/certificate_renewal (method :post)", await answer.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
    }

    // The revocation record counts at once, whatever list this replica has seen (threats T32).
    [Fact]
    public async Task Renew_RevokedOnAnotherReplica_Is403()
    {
        using var node = await ca.Node();
        await house.Store.PutIfAbsent(ObjectKeys.Revocation(node.Serial), new Overture.Records.V1.Revocation
        {
            Schema = 1,
            Serial = node.Serial,
            Certname = node.Name.ToString(),
            ReasonCode = 1,
            At = TimeProvider.System.GetUtcNow().ToTimestamp(),
            CertificateNotAfter = TimeProvider.System.GetUtcNow().AddYears(1).ToTimestamp(),
        }, default);

        var code = await RenewOrNoHandshake(node);

        Assert.True(code is null or HttpStatusCode.Forbidden, $"{code}");
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
    }

    [Theory]
    [InlineData("terminating"), InlineData("terminated")]
    public async Task Renew_EndedInstance_Is403(string fact)
    {
        using var node = await ca.Node();
        await house.Fact(node.Name, fact);

        var code = await RenewOrNoHandshake(node);

        Assert.NotEqual(HttpStatusCode.OK, code);
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
    }

    [Fact]
    public async Task Renew_ContestedName_Is403()
    {
        using var node = await ca.Node();
        await house.Store.PutIfAbsent(ObjectKeys.Block(node.Name, "contested"), new Block { Schema = 1, Certname = node.Name.ToString(),
            Id = "contested", Kind = BlockKind.Contested, Sentence = "two keys", At = new() }, default);

        var (code, _) = await Renew(node);

        Assert.Equal(HttpStatusCode.Forbidden, code);
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(node.Name)));
        await ca.Audited(node.Name.ToString(), "NOT_RENEWABLE");
    }

    [Fact]
    public async Task Renew_Administrator_Is403()
    {
        using var admin = await ca.Administrator("renewing-admin.example.org");
        Assert.Equal(HttpStatusCode.Forbidden, (await Renew(admin)).Code);
    }

    // Who can write the bucket and raises a grant there gains nothing: the claim's seal breaks, and the certificate never carried it.
    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Renew_GrantRaisedInTheBucket_Is403(bool sealedAnew)
    {
        using var node = await ca.Node();
        await house.Rewrite<Claim>(ObjectKeys.Claim(node.Name, "1"), claim =>
        {
            claim.Grant.Extensions["1.3.6.1.4.1.34380.1.1.13"] = "database";
            if (sealedAnew)
                ca.Services.GetRequiredService<Storage.RecordMac>().Put(claim);
        });
        await using var other = await house.Start("renew-forged");
        using var elsewhere = other.AgentClient(node.Certificate);

        using var answer = await Post(elsewhere);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Renew_SwitchedOff_Is404()
    {
        await using var off = await RunningCa.Start(house, house.Options("renewal-off") with { Renewal = new() { Enabled = false } });
        using var node = await off.Node();

        Assert.Equal(HttpStatusCode.NotFound, (await Renew(node)).Code);
    }

    // Each is a claim and a certificate that stay.
    [Fact]
    public async Task Point25_RenewalsWithoutEnd_AreLimitedByName()
    {
        var options = house.Options("renewal-many");
        await using var many = await RunningCa.Start(
            house, options with { PuppetApi = options.PuppetApi with { Limits = new() { RenewalsPerMinute = 1, RenewalBurst = 3 } } });
        using var node = await many.Node();
        using var other = await many.Node();
        var codes = new List<HttpStatusCode>();
        for (var i = 0; i < 6; i++)
            codes.Add((await Renew(node)).Code);

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK], codes.Take(3));
        Assert.Contains(HttpStatusCode.TooManyRequests, codes);
        Assert.Equal(HttpStatusCode.OK, (await Renew(other)).Code);
    }

    private static async Task<(HttpStatusCode Code, string Pem)> Renew(CertifiedClient client)
    {
        using var answer = await Post(client.Http);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    // A watch may have revoked it by now, which ends the handshake already.
    private static async Task<HttpStatusCode?> RenewOrNoHandshake(CertifiedClient client)
    {
        try
        {
            return (await Renew(client)).Code;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    // As an agent of Puppet 8 sends it.
    private static Task<HttpResponseMessage> Post(HttpClient client)
    {
        var body = new ByteArrayContent([]);
        body.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        return client.PostAsync(new Uri("certificate_renewal", UriKind.Relative), body);
    }
}
