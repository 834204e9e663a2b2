using System.Diagnostics.Metrics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// Certificates that this CA signed without a record: reported at their first use, refused, and revoked by their serial in every spelling.
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class UnrecordedTests(CaFixture house)
{
    [Fact]
    public async Task Use_OfACertificateWhoseRecordIsLost_IsToldOnceAndRefused()
    {
        using var counted = new Counted("unrecorded");
        await using var ca = await house.Start("unrecorded");
        using var node = await Lost(house.Ca);

        Assert.Equal(HttpStatusCode.Forbidden, await Status(node.Http, "certificate/ca"));
        Assert.Equal(HttpStatusCode.Forbidden, await Renew(node));
        using var again = ca.Client(node.Name, node.Certificate.ExportCertificatePem(), node.Certificate.GetECDsaPrivateKey()!);
        Assert.Equal(HttpStatusCode.Forbidden, await Renew(again));

        var told = await house.Ca.Audited($"{node.Name}", "CERTIFICATE_UNRECORDED");
        Assert.Equal(("cert.unrecorded", "deny", node.Serial), (told.Action, told.Outcome, told.Serial));
        Assert.Single(await house.Ca.AuditRecords(), r => r.Action == "cert.unrecorded" && r.Serial == node.Serial);
        Assert.DoesNotContain(await ca.AuditRecords(), r => r.Serial == node.Serial);
        Assert.Single(house.Ca.Options.Log.Lines, l =>
            l.StartsWith($"Critical ca.unrecorded: certificate {node.Serial} of '{node.Name}'", StringComparison.Ordinal));
        Assert.Equal(1, counted.Value);
        await Eventually.True(
            async () => (await house.Ca.Timeline(node.Name)).Any(e => e.Key == $"unrecorded:{node.Serial}"), "the timeline says so");
        var explained = await ca.Admin.ExplainCertificateAsync(new() { Serial = node.Serial });
        Assert.Contains("signed by this CA, without a record of why; first used at", explained.Summary, StringComparison.Ordinal);
        Assert.Contains($"certificate {node.Serial}", (await ca.Admin.ExplainCertificateAsync(new() { Certname = $"{node.Name}" })).Summary,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Use_WhereTheSettingLetsItIn_IsToldAndAnswered()
    {
        var options = house.Options("unrecorded-in");
        await using var ca = await RunningCa.Start(house, options with { PuppetApi = options.PuppetApi with { RefuseUnrecorded = false } });
        using var node = await Lost(ca);
        Assert.Equal(HttpStatusCode.OK, await Status(node.Http, "certificate/ca"));
        Assert.Equal("allow", (await ca.Audited($"{node.Name}", "CERTIFICATE_UNRECORDED")).Outcome);
    }

    [Fact]
    public async Task Use_OfAnotherCertificateUnderARecordedSerial_IsRefused()
    {
        using var node = await house.Ca.Node();
        using var other = await house.Ca.Node();
        await house.Rewrite<CertificateRecord>(ObjectKeys.Certificate(node.Serial), r => r.Pem = other.Certificate.ExportCertificatePem());
        Assert.Equal(HttpStatusCode.Forbidden, await Status(node.Http, "certificate/ca"));
    }

    [Fact]
    public async Task Listener_OfReportsAndTerminus_RefusesAPuppetserverWithoutRecord()
    {
        var peers = new PuppetserverPeers(
            house.Store, new PuppetCaBundle(house.BundleFile, "caBundle"),
            LaunchVerifier.FromDirectory(house.Pki.TrustedLaunchKeys).Verify);
        using var good = await house.Ca.Node(r => r.Role = "puppetserver");
        using var lost = await Lost(house.Ca, r => r.Role = "puppetserver");
        var issuer = Assert.Single(await house.Keys("ca/issuers/"));
        await house.Rewrite<Issuer>(issuer, r => r.RefuseUnrecorded = true);
        Assert.Null(await peers.Refusal(good.Certificate, default));
        Assert.Contains("CERTIFICATE_UNRECORDED", await peers.Refusal(lost.Certificate, default), StringComparison.Ordinal);
        // Whoever signs with the CA's key chooses what the certificate says of its issuer.
        using var nameless = X509Certificate2.CreateFromPem(SignedElsewhere(lost.Name, out var key, authorityKeyId: false));
        key.Dispose();
        Assert.Contains("CERTIFICATE_UNRECORDED", await peers.Refusal(nameless, default), StringComparison.Ordinal);
        // Its record gone from the bucket: as it was last.
        var record = (await house.Store.Get(issuer, default))!;
        await house.Store.Delete(issuer, default);
        Assert.Contains("CERTIFICATE_UNRECORDED", await peers.Refusal(lost.Certificate, default), StringComparison.Ordinal);
        // Of a CA that keeps no records here, puppetserver's own, say, nothing is asked.
        Assert.Null(await new PuppetserverPeers(house.Store, new PuppetCaBundle(house.BundleFile, "caBundle"),
            LaunchVerifier.FromDirectory(house.Pki.TrustedLaunchKeys).Verify).Refusal(lost.Certificate, default));
        await house.Store.PutIfAbsent(issuer, record.Body, default);
    }

    [Theory]
    [InlineData("{0}"), InlineData("{1}"), InlineData("0x{1}"), InlineData("serial={1}"), InlineData("{2}"),
        InlineData("Serial Number:\n            {3}"), InlineData("{4}")]
    public async Task Revoke_BySerialWithoutRecord_IsOnTheListInEverySpelling(string spelling)
    {
        using var node = await Lost(house.Ca);
        var (serial, number) =
            (node.Serial, new System.Numerics.BigInteger(node.Certificate.SerialNumberBytes.Span, isUnsigned: true, isBigEndian: true));
        var pairs = string.Join(':', serial.Chunk(2).Select(p => new string(p)));
        var typed = string.Format(System.Globalization.CultureInfo.InvariantCulture, spelling, serial, serial.ToUpperInvariant(),
            pairs.ToUpperInvariant(), pairs, number);

        var answer = await house.Ca.Admin.RevokeCertificateAsync(new() { Serial = typed, Reason = "its record was lost" });

        Assert.Equal(([serial], ""), (answer.Serials, answer.Certname));
        Assert.Contains(
            serial, CrlFacts.Read(CrlPem.Split((await house.Ca.Admin.GetCrlAsync(new())).CrlPem)[0]).Entries.Select(e => $"{e.Serial}"));
        await Assert.ThrowsAsync<HttpRequestException>(() => Status(node.Http, "certificate/ca"));
        Assert.Contains("its record was lost", (await house.Ca.Admin.ExplainCertificateAsync(new() { Serial = typed })).Summary,
            StringComparison.Ordinal);
    }

    // Also one that was never claimed here, so that neither the store nor this replica's own file of claims has its serial.
    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Revoke_ByNameAfterItsFirstUse_ReachesTheLostOne(bool signedElsewhere)
    {
        var name = house.NewName();
        using var node = signedElsewhere ? house.Ca.Client(name, SignedElsewhere(name, out var key), key) : await Lost(house.Ca);
        Assert.Equal(HttpStatusCode.Forbidden, await Renew(node));
        await house.Store.Delete(ObjectKeys.Launch(node.Name), default);
        var answer = await house.Ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "test" });
        Assert.Equal([node.Serial], answer.Serials);
    }

    [Fact]
    public async Task Revoke_BySerial_EndsItAndWhatWasRenewedFromItAndNothingElse()
    {
        using var node = await house.Ca.Node();
        Assert.Equal(HttpStatusCode.OK, await Renew(node));
        var successor = (await house.Store.Get<Claim>(ObjectKeys.Claim(node.Name, $"renew-{node.Serial}"), default))!.Serial;

        var answer = await house.Ca.Admin.RevokeCertificateAsync(new() { Serial = node.Serial, Reason = "stolen" });

        Assert.Equal((node.Name.ToString(), [node.Serial, successor]), (answer.Certname, answer.Serials));
        Assert.Empty(await house.Keys(ObjectKeys.BlocksOf(node.Name)));
        Assert.Equal("stolen", (await house.Store.Get<RevocationRecord>(ObjectKeys.Revocation(successor), default))!.Sentence);
    }

    [Theory]
    [InlineData("27", "may be hexadecimal or decimal"), InlineData("no", "must be a serial number"), InlineData("", "must not be empty")]
    public async Task Revoke_BySerialThatIsNone_NamesTheField(string serial, string told)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(
            async () => await house.Ca.Admin.RevokeCertificateAsync(new() { Serial = serial, Reason = "test" }));
        Assert.Equal(StatusCode.InvalidArgument, refusal.StatusCode);
        Assert.Contains(told, refusal.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Revoke_BySerialOfTheApisOwn_IsRefused()
    {
        var own = house.Ca.Services.GetRequiredService<ServerLeaf>().Current.Serial;
        await Assert.ThrowsAsync<RpcException>(
            async () => await house.Ca.Admin.RevokeCertificateAsync(new() { Serial = $"{own}", Reason = "test" }));
        Assert.False(house.Ca.Services.GetRequiredService<RevocationStore>().IsKnown(own));
    }

    // As after the restore of an older backup: certificate and claim are gone, the node has both.
    private async Task<CertifiedClient> Lost(RunningCa ca, Action<LaunchRecord>? change = null)
    {
        var node = await ca.Node(change);
        await house.Store.Delete(ObjectKeys.Certificate(node.Serial), default);
        foreach (var key in await house.Keys(ObjectKeys.ClaimsOf(node.Name)))
            await house.Store.Delete(key, default);
        return node;
    }

    // With the CA's own key, by another program.
    private string SignedElsewhere(CertName name, out ECDsa key, bool authorityKeyId = true)
    {
        key = CsrBuilder.EcKey();
        using var issuer = X509Certificate2.CreateFromPem(File.ReadAllText(house.BundleFile));
        using var caKey = RSA.Create();
        var passphrase = File.ReadAllText(Path.Combine(house.CaDirectory, CaFiles.PassphraseFile)).Trim();
        caKey.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(house.CaDirectory, CaFiles.KeyFile)), passphrase);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        if (authorityKeyId)
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, true, false));
        var (now, generator) = (TimeProvider.System.GetUtcNow(), X509SignatureGenerator.CreateForRSA(caKey, RSASignaturePadding.Pkcs1));
        using var certificate = request.Create(issuer.SubjectName, generator, now.AddMinutes(-5), now.AddDays(30),
            Convert.FromHexString("4e" + $"{name}".Replace("-", "", StringComparison.Ordinal)[..16]));
        return certificate.ExportCertificatePem();
    }

    private static async Task<HttpStatusCode> Status(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
        return answer.StatusCode;
    }

    private static async Task<HttpStatusCode> Renew(CertifiedClient node)
    {
        using var answer = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        return answer.StatusCode;
    }

    /// <summary>How often the counter of alarms went up for a kind.</summary>
    private sealed class Counted : IDisposable
    {
        private readonly MeterListener listener = new();
        private long value;

        public Counted(string kind)
        {
            listener.InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "overture.ca.alarms")
                    l.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((_, measured, tags, _) =>
            {
                if (tags.Contains(new KeyValuePair<string, object?>("kind", kind)))
                    Interlocked.Add(ref value, measured);
            });
            listener.Start();
        }

        public long Value => Interlocked.Read(ref value);

        public void Dispose() => listener.Dispose();
    }
}
