using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.V1;
using Overture.Cli.Pki;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Certificates with pp_cli_auth: who gets one, what it carries, and for which names there is none.</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class AdminCertificateTests(CaFixture house) : IDisposable
{
    private const string CliAuth = "1.3.6.1.4.1.34380.1.3.39";
    private readonly ECDsa key = CsrBuilder.EcKey();
    private readonly RunningCa ca = house.Ca;
    private readonly string name = $"admin-{Random.Shared.Next():x}.example.org";

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task Issue_ByAdmin_CarriesTheExtensionAsPuppetserversOwnDoes()
    {
        var answer = await Issue(new CsrBuilder(name, key), life: TimeSpan.FromDays(7));

        using var certificate = X509Certificate2.CreateFromPem(answer.CertificatePem);
        var extension = certificate.Extensions[CliAuth]!;
        Assert.Equal((false, "0C0474727565"), (extension.Critical, Convert.ToHexString(extension.RawData)));
        Assert.Equal($"CN={name}", certificate.Subject);
        Assert.Equal([name], certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.InRange(certificate.NotAfter.ToUniversalTime() - TimeProvider.System.GetUtcNow().UtcDateTime, TimeSpan.FromDays(6.9),
            TimeSpan.FromDays(7));
        Assert.Equal(await File.ReadAllTextAsync(house.BundleFile), answer.BundlePem);
        Assert.Equal(2, CrlPem.Split(answer.CrlPem).Count);
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(CertName.Parse(name))));
        Assert.Matches("^admin-[0-9a-f-]{14}7", claim.Claim_);
        Assert.Equal(
            ("admin by admin", "true", "ADMIN_ISSUED"), (claim.Grant.Source, claim.Grant.Extensions[CliAuth], claim.Decision.Reason));
    }

    [Fact]
    public async Task Issue_ByAdmin_IsAuditedWithItsReasonAndRevocable()
    {
        var answer = await Issue(new CsrBuilder(name, key), reason: "nightly clean-up");
        var told = await ca.Audited(name, "ADMIN_ISSUED");
        Assert.Equal(("cert.admin_issued", "allow", "nightly clean-up", answer.Serial, "admin"),
            (told.Action, told.Outcome, told.Decision.Sentence, told.Serial, told.Actor));

        Assert.Equal([answer.Serial], (await ca.Admin.RevokeCertificateAsync(new() { Certname = name, Reason = "test" })).Serials);
        // A revoked administrator gets a new one under the same name, but not for the key that was revoked.
        Assert.Equal("KEY_BLOCKED", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Issue(new CsrBuilder(name, key)))));
        using var fresh = CsrBuilder.EcKey();
        Assert.NotEqual(answer.Serial, (await Issue(new CsrBuilder(name, fresh))).Serial);
    }

    [Theory]
    [InlineData("operator"), InlineData("viewer"), InlineData("autosign"), InlineData("conductor")]
    public async Task Issue_ByAnotherRole_IsRefused(string party)
    {
        using var channel = house.Pki.Channel(ca.GrpcPort, party);
        var client = new CertAuthorityService.CertAuthorityServiceClient(channel);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () =>
            await client.IssueAdminCertificateAsync(new() { Certname = name, CsrPem = new CsrBuilder(name, key).Pem(), Reason = "x" }));
        Assert.Equal("ROLE_MISSING", RpcDetails.Reason(refusal));
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(CertName.Parse(name))));
    }

    public static TheoryData<string, Action<CsrBuilder>> Excess => new()
    {
        { "CSR_SAN", c => c.DnsNames("puppet") },
        { "CSR_EXTENSION", c => c.PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "web") },
        { "CSR_EXTENSION", c => c.PuppetExtension(CliAuth, "true") },
        { "CSR_ATTRIBUTE", c => c.Challenge("secret") },
        { "CSR_ATTRIBUTE", c => c.Renews() },
        { "CSR_SIGNATURE", c => c.BreakSignature = true },
    };

    [Theory, MemberData(nameof(Excess))]
    public async Task Issue_RequestWithMoreThanAKey_IsRefused(string reason, Action<CsrBuilder> change)
    {
        var csr = new CsrBuilder(name, key);
        change(csr);
        await Refused(reason, StatusCode.InvalidArgument, csr);
        Assert.Equal("cert.admin_refused", (await ca.Audited(name, reason)).Action);
    }

    [Theory]
    [InlineData("0af76519-16cd-43dd-8448-eb211c80319c"), InlineData("ca"), InlineData("localhost"), InlineData("certauthority-api"),
        InlineData("Upper.example.org")]
    public async Task Issue_NameOfAnInstanceOrTheCa_IsRefused(string certname) =>
        await Refused("NAME_INVALID", StatusCode.InvalidArgument, new CsrBuilder(certname, key), certname);

    [Fact]
    public async Task Issue_OtherNameInTheRequest_IsRefused() =>
        await Refused("NAME_MISMATCH", StatusCode.InvalidArgument, new CsrBuilder("other.example.org", key));

    [Fact]
    public async Task Issue_NameOfANode_IsRefused()
    {
        var registered = await house.Launch(certname: $"node-{Random.Shared.Next():x}.example.org");
        await Refused(
            "NAME_TAKEN", StatusCode.FailedPrecondition, new CsrBuilder(registered.Name.ToString(), key), registered.Name.ToString());

        // Certified without a launch record, as an imported one is.
        await house.Store.PutIfAbsent(
            ObjectKeys.Claim(CertName.Parse(name), "import-02"),
            RecordJson.Write(new Claim { Schema = 1, Certname = name, Claim_ = "import-02", Serial = "02", Issuer = "import",
                Grant = new Grant { Source = "import" }, ClaimedAt = new Timestamp(), NotAfter = new Timestamp() }), default);
        await Refused("NAME_TAKEN", StatusCode.FailedPrecondition, new CsrBuilder(name, key));
    }

    [Fact]
    public async Task Submit_NameThatHoldsAnAdministratorsCertificate_IsRefusedWhoeverRegisteredIt()
    {
        await Issue(new CsrBuilder(name, key));
        // As a Conductor of before would: it did not ask.
        var registered = await house.Launch(certname: name);
        using var other = CsrBuilder.EcKey();

        using var answer = await ca.Put(registered, other);

        Assert.Equal(System.Net.HttpStatusCode.Forbidden, answer.StatusCode);
        await ca.Audited(name, "NAME_TAKEN");
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(registered.Name)));
        Assert.Equal("NAME_TAKEN", RpcDetails.Reason(await Assert.ThrowsAsync<RpcException>(() => Issue(new CsrBuilder(name, other)))));
    }

    [Fact]
    public async Task Issue_KeyOfANode_IsRefused()
    {
        var instance = await house.Launch();
        (await ca.Put(instance, key)).Dispose();
        await Refused("KEY_REUSED", StatusCode.InvalidArgument, new CsrBuilder(name, key));
        using var weak = RSA.Create(1024);
        await Refused("KEY_SIZE", StatusCode.InvalidArgument, new CsrBuilder(name, weak));
    }

    [Theory]
    [InlineData("", 90), InlineData("x", 826), InlineData("x", 0.01)]
    public async Task Issue_WithoutReasonOrForTooLong_IsInvalid(string reason, double days)
    {
        var refusal =
            await Assert.ThrowsAsync<RpcException>(() => Issue(new CsrBuilder(name, key), reason: reason, life: TimeSpan.FromDays(days)));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(refusal));
    }

    [Fact]
    public async Task AdminDirectory_IsWhatPuppetserverCaReads()
    {
        using var home = new TempDirectory();
        var answer = await Issue(new CsrBuilder(name, key));
        var files = new AdminDirectory(home.File("admin"), name);
        Assert.Null(files.Problem());
        files.Write(key.ExportPkcs8PrivateKeyPem(), answer.CertificatePem, answer.BundlePem, answer.CrlPem, "localhost", ca.ApiPort);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(files.KeyFile));

        // It loads all four files, and gets through TLS in both directions: the answer is the CA's, whatever it is.
        var (_, output) = await Tool.Run("puppetserver", "ca", "list", "--all", "--config", files.ConfigFile);
        Assert.DoesNotContain("Could not", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Failed connecting", output, StringComparison.Ordinal);
        Assert.Contains("/puppet-ca/v1/certificate_statuses/", ca.AccessLog, StringComparison.Ordinal);
    }

    private async Task<IssueAdminCertificateResponse> Issue(
        CsrBuilder csr, string? certname = null, string reason = "a test", TimeSpan? life = null) =>
        await ca.Admin.IssueAdminCertificateAsync(
            new() { Certname = certname ?? name, CsrPem = csr.Pem(), Reason = reason, Life = life?.ToDuration() });

    private async Task Refused(string reason, StatusCode code, CsrBuilder csr, string? certname = null)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(() => Issue(csr, certname));
        Assert.Equal((reason, code), (RpcDetails.Reason(refusal), refusal.StatusCode));
        Assert.DoesNotContain(await house.All<Claim>("ca/claims/"), c =>
            c.Claim_.StartsWith("admin-", StringComparison.Ordinal) && c.Certname == (certname ?? name));
    }
}
