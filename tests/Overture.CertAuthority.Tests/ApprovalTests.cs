using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A person's yes and no to requests that wait, and what happens to them when no one says either.</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class ApprovalTests(CaFixture house) : IAsyncLifetime
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();
    private readonly CertName name = CertName.Parse($"approve-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}.example.org");

    private string Spki => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    public Task InitializeAsync() => Submit(key);

    public Task DisposeAsync()
    {
        key.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Get_Held_TellsWhyAndWhatWouldMakeItSign()
    {
        var held = (await ca.Admin.GetHeldRequestAsync(new() { Certname = name.ToString() })).Request;

        Assert.Equal(("HELD_FOR_APPROVAL", "P-256", Spki), (held.Decision.Reason, held.Key, held.SpkiSha256));
        Assert.Contains("this name was never launched or registered", held.Decision.Sentence, StringComparison.Ordinal);
        Assert.Contains("approval by a person", held.Remedy, StringComparison.Ordinal);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(
            async () => await ca.Admin.GetHeldRequestAsync(new() { Certname = "nobody" }))).StatusCode);
    }

    [Fact]
    public async Task Approve_WithGrant_CertificateCarriesTheGrantAlone()
    {
        await Define();

        var answer = await Approve(r =>
        {
            r.DnsAltNames.Add("puppet");
            r.Extensions["pp_role"] = "compiler";
        });

        Assert.Equal("APPROVED", answer.Decision.Reason);
        using var certificate = X509Certificate2.CreateFromPem(answer.CertificatePem);
        Assert.Equal(
            [$"{name}", "puppet"], certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.NotNull(certificate.Extensions["1.3.6.1.4.1.34380.1.1.13"]);
        Assert.Equal(answer.CertificatePem, await ca.Certificate(name));
        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
        await ca.Audited(name.ToString(), "APPROVED");
        // The agent comes again with the same key: the same certificate. Another key gets none.
        (await Submit(key)).EnsureSuccessStatusCode();
        using var other = CsrBuilder.EcKey();
        using var second = await Submit(other);
        Assert.Equal(HttpStatusCode.BadRequest, second.StatusCode);
        Assert.StartsWith("NAME_TAKEN", await second.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(answer.CertificatePem, await ca.Certificate(name));
    }

    [Fact]
    public async Task Renew_OfWhatWasApprovedForAnHour_LivesNoLongerThanThat()
    {
        await Define();
        var first = await Approve(r => r.Life = Google.Protobuf.WellKnownTypes.Duration.FromTimeSpan(TimeSpan.FromHours(1)));
        using var node = ca.Client(name, first.CertificatePem, key);
        using var second = ca.Client(name, await Renewed(node), key);
        using var third = X509Certificate2.CreateFromPem(await Renewed(second));

        foreach (var renewed in new[] { second.Certificate, third })
        {
            Assert.InRange(renewed.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromMinutes(55),
                TimeSpan.FromHours(1));
        }
        var claims = await house.All<Claim>(ObjectKeys.ClaimsOf(name));
        Assert.All(claims, c => Assert.Equal((3600L, 3600L), (c.Grant.LifeSeconds, c.Grant.MostLifeSeconds)));
        // The bound is under the seal: who widens it in the bucket has no certificate from it.
        await house.Rewrite<Claim>(ObjectKeys.Claim(name, $"renew-{second.Serial}"), c => c.Grant.MostLifeSeconds = 0);
        using var widened = ca.Client(name, third.ExportCertificatePem(), key);
        using var refused = await widened.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Fact]
    public async Task Renew_OfWhatWasApprovedWithoutALife_IsByPolicy()
    {
        await Define();
        using var node = ca.Client(name, (await Approve()).CertificatePem, key);
        using var renewed = X509Certificate2.CreateFromPem(await Renewed(node));
        Assert.InRange(renewed.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromDays(179),
            TimeSpan.FromDays(180));
    }

    private static async Task<string> Renewed(CertifiedClient node)
    {
        using var answer = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    [Fact]
    public async Task Approve_Wrongly_SignsNothing()
    {
        await Fails(StatusCode.FailedPrecondition, "DEFINITION_MISSING");
        await Define();
        await Fails(StatusCode.Aborted, "HELD_OTHER_KEY", r => r.SpkiSha256 = new string('0', 64));
        await Fails(StatusCode.InvalidArgument, "INVALID_FIELD", r => r.SpkiSha256 = "");
        await Fails(StatusCode.InvalidArgument, "INVALID_FIELD", r => r.Reason = " ");
        await Fails(StatusCode.InvalidArgument, "INVALID_FIELD", r => r.Extensions["1.3.6.1.4.1.34380.1.3.39"] = "true");
        await Fails(StatusCode.InvalidArgument, "INVALID_FIELD", r => r.DnsAltNames.Add("*.example.org"));
        await Fails(StatusCode.NotFound, "NOT_FOUND", r => r.Certname = "nobody");
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(name)));
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
    }

    [Fact]
    public async Task Approve_AfterRevocation_IsTheNextClaim_AndACompromisedKeyNeverAgain()
    {
        await Define();
        var first = await Approve();
        using var admin = await ca.Administrator("approving-admin.example.org");
        using var revoked = await admin.Http.PutAsync(new Uri($"certificate_status/{name}", UriKind.Relative),
            new StringContent("""{"desired_state":"revoked"}""", null, "application/json"));
        revoked.EnsureSuccessStatusCode();
        // The same key waits again, since no one said it was lost, and may be approved again.
        (await Submit(key)).EnsureSuccessStatusCode();
        var second = await Approve();
        Assert.NotEqual(first.Serial, second.Serial);
        Assert.Equal([ObjectKeys.Claim(name, "1"), ObjectKeys.Claim(name, "2")], await house.Keys(ObjectKeys.ClaimsOf(name)));

        await ca.Admin.RevokeCertificateAsync(new() { Certname = name.ToString(), Reason = "stolen" });

        using var lost = await Submit(key);
        Assert.Equal(HttpStatusCode.BadRequest, lost.StatusCode);
        Assert.StartsWith("KEY_BLOCKED", await lost.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var fresh = CsrBuilder.EcKey();
        (await Submit(fresh)).EnsureSuccessStatusCode();
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
    }

    [Fact]
    public async Task Approve_TwiceAtOnce_IsOneCertificate()
    {
        await Define();

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                return (await Approve()).Serial;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
            {
                return null; // signed, and so waiting no more
            }
        }));

        Assert.Single(answers.OfType<string>().Distinct());
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(name)));
    }

    [Fact]
    public async Task Deny_Key_IsRefusedFromThenOn_AnotherKeyIsNot()
    {
        await ca.Admin.DenyCertificateRequestAsync(new() { Certname = name.ToString(), SpkiSha256 = Spki, Reason = "nobody knows it" });

        Assert.Empty(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
        using var again = await Submit(key);
        Assert.Equal(HttpStatusCode.Forbidden, again.StatusCode);
        await ca.Audited(name.ToString(), "REQUEST_DENIED");
        using var other = CsrBuilder.EcKey();
        (await Submit(other)).EnsureSuccessStatusCode();
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(name)));
        // Idempotent.
        await ca.Admin.DenyCertificateRequestAsync(new() { Certname = name.ToString(), SpkiSha256 = Spki, Reason = "nobody knows it" });
    }

    [Fact]
    public async Task Held_WhenItsRegistrationLands_IsSignedWithoutBeingSentAgain()
    {
        await house.Store.Delete((await house.Keys(ObjectKeys.HeldRequestsOf(name))).Single(), default);
        var launched = await RegisteredLater(name);
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(name)));

        await launched.Land();
        ca.Services.GetRequiredService<Timeline>().Announce(name, "requested");

        var pem = await Eventually.Get(() => ca.Certificate(name), "the held request is signed");
        using var certificate = X509Certificate2.CreateFromPem(pem);
        Assert.Equal($"CN={name}", certificate.Subject);
        // It goes last, when the certificate can already be had.
        await Eventually.True(async () => (await house.Keys(ObjectKeys.HeldRequestsOf(name))).Count == 0, "the held request is gone");
        await ca.Audited(name.ToString(), "TOKEN_ACCEPTED");
    }

    [Fact]
    public async Task Held_WhenARegistrationWithAnotherTokenLands_GoesOnWaiting()
    {
        await house.Launch(certname: name.ToString());
        ca.Services.GetRequiredService<Timeline>().Announce(name, "requested");

        var held = await Eventually.Get(async () => (await ca.Admin.GetHeldRequestAsync(new() { Certname = name.ToString() })).Request
            is { } h && h.Remedy.Contains("token", StringComparison.Ordinal) ? h : null, "it says what is missing now");

        Assert.Contains("brought no token", held.Decision.Sentence, StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(name));
    }

    // The agent is there before its registration, with the right token.
    private async Task<(Func<Task> Land, string Token)> RegisteredLater(CertName name)
    {
        var prepared = await house.Launch(certname: name.ToString());
        var record = (await house.Store.Get(ObjectKeys.Launch(name), default))!;
        await house.Store.Delete(ObjectKeys.Launch(name), default);
        (await ca.Put(name.ToString(), prepared.Csr(key).Pem())).EnsureSuccessStatusCode();
        return (() => house.Store.PutIfAbsent(ObjectKeys.Launch(name), (ReadOnlyMemory<byte>)record.Body, default), prepared.Token);
    }

    private Task<HttpResponseMessage> Submit(ECDsa with) => ca.Put(name.ToString(), new CsrBuilder(name.ToString(), with).Pem());

    private Task Define() => house.Store.PutIfAbsent(ObjectKeys.Node(name), "classes: {}\n"u8.ToArray(), default);

    private async Task<ApproveCertificateRequestResponse> Approve(Action<ApproveCertificateRequestRequest>? change = null)
    {
        var request = new ApproveCertificateRequestRequest { Certname = name.ToString(), SpkiSha256 = Spki, Reason = "a test" };
        change?.Invoke(request);
        return await ca.Admin.ApproveCertificateRequestAsync(request);
    }

    private async Task Fails(StatusCode code, string reason, Action<ApproveCertificateRequestRequest>? change = null)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(() => Approve(change));
        Assert.Equal((code, reason), (fault.StatusCode, RpcDetails.Reason(fault)));
    }
}
