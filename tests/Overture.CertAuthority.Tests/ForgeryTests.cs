using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>What a writer of the bucket, another CA below the same root, or an accident at the worst moment would gain: nothing.</summary>
[Trait("Category", "integration")]
public sealed class ForgeryTests : IAsyncLifetime
{
    private const string CliAuth = "1.3.6.1.4.1.34380.1.3.39";
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    // One object under ca/claims, then an anonymous GET.
    [Fact]
    public async Task ForgedClaim_InTheBucket_MakesNoAdministrator()
    {
        await using var ca = await house.Start("a");
        var name = CertName.Parse("evil.example.org");
        using var key = CsrBuilder.EcKey();
        var bundle = CaFiles.Open(house.CaDirectory); // public half only: a forger has it from GET certificate/ca
        var grant = new Grant { Source = "admin by me", Extensions = { [CliAuth] = "true" }, LifeSeconds = 86400 * 365 };
        byte[] serial = [0x4F, 1, 2, 3, 4, 5, 6, 7];
        var (tbs, until) = CertificateProfile.ToBeSigned(
            name, SubjectKeyReader.Read(key.ExportSubjectPublicKeyInfo()), grant, serial, TimeProvider.System.GetUtcNow(), bundle);
        await house.Store.PutIfAbsent(ObjectKeys.Claim(name, "1"), new Claim
        {
            Schema = 1, WriteId = "x", Certname = name.ToString(), Claim_ = "1", Issuer = "overture",
            // the claim's serial is not the TBS's: revoking the name misses the certificate
            Serial = "4fffffffff", Tbs = ByteString.CopyFrom(tbs), NotAfter = until.ToTimestamp(),
                ClaimedAt = TimeProvider.System.GetUtcNow().ToTimestamp(),
            SpkiSha256 = new string('0', 64), Grant = new Grant { Source = "launch" }, Decision = new Decision { Outcome = "sign" },
        }, default);

        Assert.Null(await ca.Certificate(name));
        Assert.Empty(await house.Keys(ObjectKeys.Certificates + "4f01"));
        Assert.Contains(ca.Options.Log.Lines, l => l.Contains("ca.foreign_claim", StringComparison.Ordinal));
        // And no one is kept from revoking whatever it may have been.
        Assert.NotEmpty((await ca.Admin.RevokeCertificateAsync(new() { Certname = name.ToString(), Reason = "x" })).Serials);
    }

    // The launch's token hash can be read in the bucket: it must not pass for the token.
    [Fact]
    public async Task ForgedHeldRequest_WithTheHashOfTheToken_IsNotSigned()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var spki = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        var hash = RecordJson.Read<LaunchRecord>(
            (await house.Store.Get<SignedLaunch>(ObjectKeys.Launch(instance.Name), default))!.Payload.Span).TokenSha256;
        await house.Store.PutIfAbsent(ObjectKeys.HeldRequest(instance.Name, spki), new HeldRequest
        {
            Schema = 1, WriteId = "x", Certname = instance.Name.ToString(), SpkiSha256 = spki,
                SubjectPublicKeyInfoPem = key.ExportSubjectPublicKeyInfoPem(),
            ReceivedAt = TimeProvider.System.GetUtcNow().ToTimestamp(), ChallengeSha256 = hash, Decision = new Decision(),
        }, default);

        await using var ca = await house.Start("a");
        // Looked at, and thrown away.
        await Eventually.True(
            async () => (await house.Keys(ObjectKeys.HeldRequestsOf(instance.Name))).Count == 0, "the forged request is gone");

        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
        using var genuine = CsrBuilder.EcKey();
        (await ca.Put(instance, genuine)).EnsureSuccessStatusCode();
    }

    // The attacker's request waits in honesty; only what the administrator compares with the real machine is forged.
    [Fact]
    public async Task HeldRequest_WithAnotherMachinesFingerprint_CannotBeApproved()
    {
        await using var ca = await house.Start("a");
        var name = CertName.Parse("compared.example.org");
        using var key = CsrBuilder.EcKey();
        (await ca.Put(name.ToString(), new CsrBuilder(name.ToString(), key).Pem())).Dispose();
        var own = (await house.Keys(ObjectKeys.HeldRequestsOf(name))).Single();
        await house.Rewrite<HeldRequest>(own, held => held.FingerprintSha256 = new string('a', 64));

        Assert.DoesNotContain((await ca.Admin.ListCertificateRequestsAsync(new())).Requests, r => r.Certname == name.ToString());
        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () =>
            await ca.Admin.ApproveCertificateRequestAsync(
                new() { Certname = name.ToString(), SpkiSha256 = own[(own.LastIndexOf('/') + 1)..], Reason = "its fingerprint fits" }));
        Assert.Equal(Grpc.Core.StatusCode.NotFound, refused.StatusCode);
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(name)));
    }

    [Fact]
    public async Task SiblingIntermediate_UnderTheSameRoot_IsNoAdministrator()
    {
        await using var ca = await house.Start("a");
        var bundle = new X509Certificate2Collection();
        bundle.ImportFromPemFile(house.BundleFile);
        using var rootKey = RSA.Create();
        var (rootPem, passphrase) = (await File.ReadAllTextAsync(Path.Combine(house.CaDirectory, "root_key.pem")),
            (await File.ReadAllTextAsync(Path.Combine(house.CaDirectory, "passphrase"))).Trim());
        rootKey.ImportFromEncryptedPem(rootPem, passphrase);
        var from = TimeProvider.System.GetUtcNow().AddHours(-1);
        using var siblingKey = RSA.Create(2048);
        var request = new CertificateRequest("CN=Another department", siblingKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var sibling = request.Create(bundle[^1].SubjectName, X509SignatureGenerator.CreateForRSA(rootKey, RSASignaturePadding.Pkcs1),
            from, from.AddDays(30), [7, 7]);
        using var key = CsrBuilder.EcKey();
        var leaf = new CertificateRequest("CN=laptop.example.org", key, HashAlgorithmName.SHA256);
        leaf.CertificateExtensions.Add(new X509Extension(CliAuth, Convert.FromHexString("0C0474727565"), false));
        using var bare = leaf.Create(
            sibling.SubjectName, X509SignatureGenerator.CreateForRSA(siblingKey, RSASignaturePadding.Pkcs1), from, from.AddDays(9), [9, 9]);
        using var own = bare.CopyWithPrivateKey(key);
        using var http = ca.AgentClient(own, [sibling, bundle[^1]]);

        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri("certificate_statuses/any", UriKind.Relative)));
    }

    [Fact]
    public async Task Contest_StoreFailsAfterTheBlock_FirstCertificateIsRevokedAllTheSame()
    {
        var instance = await house.Launch();
        using var thief = CsrBuilder.EcKey();
        using var genuine = CsrBuilder.EcKey();
        var store = new FaultyStore(house.Store);
        await using var ca = await RunningCa.Start(house, house.Options("b") with { Store = store });
        (await ca.Put(instance, thief)).EnsureSuccessStatusCode();
        store.FailNext("ca/revoked/", Break.Before);

        using var failed = await ca.Put(instance, genuine);
        using var again = await ca.Put(instance, genuine);

        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, HttpStatusCode.Forbidden, true), (failed.StatusCode, again.StatusCode, store.Tripped));
        var serial = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name))).Serial;
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(serial), default));
        Assert.Contains(await ca.Timeline(instance.Name), e => e.Key == "contested");
    }

    [Fact]
    public async Task Crl_RevocationObjectLost_NextListStillHoldsIt()
    {
        string serial;
        await using (var ca = await house.Start("a"))
        {
            using var node = await ca.Node();
            serial = node.Serial;
            await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "stolen" });
            Assert.Contains(
                serial, CrlFacts.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries.Select(e => $"{e.Serial}"));
        }
        await house.Store.Delete(ObjectKeys.Revocation(serial), default);

        await using var next = await house.Start("b");

        Assert.Contains(
            serial, CrlFacts.Read(CrlPem.Split((await next.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries.Select(e => $"{e.Serial}"));
    }

    [Fact]
    public async Task Crl_OldListCopiedToAHigherNumber_RevokingStillWorks()
    {
        await using var ca = await house.Start("a");
        using var node = await ca.Node();
        var old = (await house.Store.Get((await house.Keys(ObjectKeys.Crls))[0], default))!.Body;
        using var other = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = other.Name.ToString(), Reason = "x" });
        await house.Store.PutIfAbsent(ObjectKeys.Crl(50), (ReadOnlyMemory<byte>)old, default);

        var answer = await ca.Admin.RevokeCertificateAsync(
            new() { Certname = node.Name.ToString(), Reason = "x" }, deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(60));
        Assert.Contains(
            node.Serial, CrlFacts.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries.Select(e => $"{e.Serial}"));
        Assert.True(answer.CrlNumber > 0);
    }

    [Theory]
    [InlineData("ca/claims/damaged/1", """{"issuer":"overture","certname":"damaged","claim":"1","serial":"4f00"}""")]
    [InlineData(
        "ca/claims/damaged/1",
        """{"issuer":"overture","certname":"damaged","claim":"1","serial":"4f00","claimedAt":"2026-01-01T00:00:00Z","notAfter":"2036-01-01T00:00:00Z","tbs":"AAAA"}""")]
    [InlineData("ca/requests/damaged/aa", """{"certname":"damaged","receivedAt":"2036-01-01T00:00:00Z"}""")]
    [InlineData("ca/revoked/zz", "{}")]
    [InlineData("ca/crl/00000000000000000009", "{}")]
    [InlineData("ca/parents/KEYID/00000000000000000009", "not json")]
    public async Task DamagedObject_ServiceStartsAndStaysUp(string key, string body)
    {
        var bundle = new X509Certificate2Collection();
        bundle.ImportFromPemFile(house.BundleFile);
        key = key.Replace("KEYID", Convert.ToHexStringLower(bundle[^1].Extensions.OfType<X509SubjectKeyIdentifierExtension>()
            .Single().SubjectKeyIdentifierBytes.Span), StringComparison.Ordinal);
        await house.Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(body), default);
        await using var ca = await house.Start("a");
        var stopping = ca.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var node = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "x" });
        Assert.False(stopping.IsCancellationRequested, "the host stops: " + string.Join('\n', ca.Options.Log.Lines.Where(
            l => l.Contains("BackgroundService", StringComparison.Ordinal)).Select(l => l[..Math.Min(300, l.Length)])));
        Assert.NotNull(ca.Services.GetRequiredService<CrlPublisher>().Current);
    }

    // Killed between the denial and the end of the request.
    [Fact]
    public async Task Denied_ButStillWaiting_SignAllDoesNotSignIt()
    {
        await using var ca = await house.Start("a");
        var name = CertName.Parse("denied.example.org");
        using var key = CsrBuilder.EcKey();
        (await ca.Put(name.ToString(), new CsrBuilder(name.ToString(), key).Pem())).Dispose();
        await house.Store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)"classes: {}\n"u8.ToArray(), default);
        var spki = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        await house.Store.PutIfAbsent(ObjectKeys.Denial(name, spki),
            new Denial { Schema = 1, Certname = name.ToString(), SpkiSha256 = spki, By = "alice", Reason = "not ours" }, default);
        using var admin = await ca.Administrator();

        using var answer = await admin.Http.PostAsync(new Uri("sign/all", UriKind.Relative), new StringContent(""));

        Assert.Contains("\"signing-errors\":[\"denied.example.org\"]", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(name));
    }

    [Fact]
    public async Task HeldSecret_HashIsNotShownToViewers()
    {
        await using var ca = await house.Start("a");
        using var key = CsrBuilder.EcKey();
        (await ca.Put("weak.example.org", new CsrBuilder("weak.example.org", key).Challenge("hunter2").Pem())).Dispose();
        using var channel = house.Pki.Channel(ca.GrpcPort, "viewer");
        var list = await new CertAuthorityService.CertAuthorityServiceClient(channel).ListCertificateRequestsAsync(new());
        Assert.Equal(("", true), (Assert.Single(list.Requests).ChallengeSha256, list.Requests[0].BroughtChallenge));
        // Nor kept: a site's own secret may be weak.
        Assert.Equal("", Assert.Single(await house.All<HeldRequest>(ObjectKeys.HeldRequests)).ChallengeSha256);
    }
}
