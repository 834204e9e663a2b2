using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>What may be in a request, and whose key may: docs/puppet-contracts.md §10, rows 9 and 11-14.</summary>
[Collection(AgentCollection.Name), Trait("Category", "integration")]
public sealed class RequestRows(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Row09_LaunchedName_AnotherKey_GetsNothingAndIsContested()
    {
        using var agent = AgentHost.Of(ca, await house.Launch());
        var name = CertName.Parse(agent.Certname);
        Assert.Equal(0, (await agent.Bootstrap()).Exit);
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(name)));
        Directory.Delete(agent.File("ssl/private_keys"), recursive: true);

        // A second key comes with the token: it can't be known which of the two is the thief's.
        var (exit, output) = await agent.Bootstrap();
        Assert.Equal(1, exit);
        Assert.Contains("HTTP response was 403", output, StringComparison.Ordinal);
        Assert.Equal(claim, Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(name))));
        Assert.Equal(BlockKind.Contested, Assert.Single(await house.All<Block>(ObjectKeys.BlocksOf(name))).Kind);
    }

    [Fact]
    public async Task Row09_ApprovedName_AnotherKey_IsRefusedAndTheCertificateStands()
    {
        using var admin = await AdminHost.Create(ca);
        using var agent = new AgentHost(ca, "row09.example.org");
        Assert.Equal(1, (await agent.Bootstrap()).Exit);
        await admin.Define(agent.Certname);
        Assert.Equal(0, (await admin.Ca("sign", "--certname", agent.Certname)).Exit);
        Assert.Equal(0, (await agent.Bootstrap()).Exit);
        var stands = await ca.Certificate(CertName.Parse(agent.Certname));
        Directory.Delete(agent.File("ssl/private_keys"), recursive: true);
        File.Delete(agent.Certificate);

        var (exit, output) = await agent.Bootstrap();

        // Told 400, an agent looks whether there is a certificate all the same, and finds that of the other key.
        Assert.Equal(1, exit);
        Assert.Contains("does not match its private key", output, StringComparison.Ordinal);
        Assert.Contains(Put(agent, 400), ca.AccessLog, StringComparison.Ordinal);
        Assert.False(File.Exists(agent.Certificate));
        Assert.Equal(stands, await ca.Certificate(CertName.Parse(agent.Certname)));
        Assert.NotNull(stands);
    }

    [Fact]
    public async Task Row11_GrantedExtensions_AreUtf8Strings_AndTheSecretIsNowhere()
    {
        const string Private = "1.3.6.1.4.1.34380.1.2.1.7", InstanceId = "1.3.6.1.4.1.34380.1.1.2";
        var instance =
            await house.Launch(l => l.Extensions.Add(new Dictionary<string, string> { ["pp_instance_id"] = "i-0123", [Private] = "blue" }));
        using var agent = new AgentHost(ca, instance.Name.ToString(),
            instance.Token) { Attributes = $"extension_requests:\n  pp_instance_id: i-0123\n  {Private}: blue\n" };

        var (exit, output) = await agent.Bootstrap();

        Assert.True(exit == 0, output);
        using var certificate = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(agent.Certificate));
        Assert.Equal([0x0c, 6, .. "i-0123"u8], certificate.Extensions[InstanceId]!.RawData);
        Assert.Equal([0x0c, 4, .. "blue"u8], certificate.Extensions[Private]!.RawData);
        Assert.True(certificate.RawDataMemory.Span.IndexOf(System.Text.Encoding.ASCII.GetBytes(instance.Token)) < 0);
    }

    [Fact]
    public async Task Row11_WrongSecret_EndsWithoutCertificate()
    {
        var instance = await house.Launch();
        using var agent = new AgentHost(ca, instance.Name.ToString(), "notthetoken");

        var (exit, output) = await agent.Bootstrap();

        Assert.Equal(1, exit);
        Assert.Contains("403", output, StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(instance.Name));
    }

    [Theory]
    [InlineData("1.3.6.1.4.1.34380.1.3.39", "\"true\""), InlineData("1.3.6.1.4.1.34380.1.3.1", "x")]
    public async Task Row12_AuthorizationExtension_IsRefusedAndNeverSigned(string oid, string value)
    {
        using var agent =
            new AgentHost(ca, $"row12-{oid.Split('.')[^1]}.example.org") { Attributes = $"extension_requests:\n  {oid}: {value}\n" };
        await NeverSigned(agent);
    }

    [Fact]
    public async Task Row13_ForeignAlternativeName_IsRefusedAndNeverSigned()
    {
        using var agent = new AgentHost(ca, "row13.example.org");
        await NeverSigned(agent, "--dns_alt_names", "evil.example");
    }

    private async Task NeverSigned(AgentHost agent, params string[] options)
    {
        var (exit, output) = await agent.Bootstrap(options);
        // Told 400, an agent looks whether there is a certificate all the same.
        Assert.Equal(1, exit);
        Assert.Contains("has not been signed yet", output, StringComparison.Ordinal);
        Assert.Contains(Put(agent, 400), ca.AccessLog, StringComparison.Ordinal);
        // Stored nowhere, so not even a person can sign it by mistake.
        using var admin = await AdminHost.Create(ca);
        await admin.Define(agent.Certname);
        (exit, output) = await admin.Ca("sign", "--certname", agent.Certname);
        Assert.Equal(1, exit);
        Assert.Contains($"Could not find certificate request for {agent.Certname}", output, StringComparison.Ordinal);
        Assert.Null(await ca.Certificate(CertName.Parse(agent.Certname)));
    }

    [Fact]
    public async Task Row14_MalformedRequests_AreRefusedAndNothingIsWritten()
    {
        using var curl = new Curl(ca);
        using var key = CsrBuilder.EcKey();
        var before = await Stored();
        foreach (var (asked, code, request) in new (string, int[], string)[]
        {
            ("row14.example.org", [400], new CsrBuilder("other.example.org", key).Pem()),
            ("Row14.Example.ORG", [400], new CsrBuilder("Row14.Example.ORG", key).Pem()),
            ("row14.example.org", [400], new CsrBuilder("Row14.Example.org", key).Pem()),
            ("*", [400], new CsrBuilder("*", key).Pem()),
            ("a..b", [400], new CsrBuilder("a..b", key).Pem()),
            ("-x", [400], new CsrBuilder("-x", key).Pem()),
            ("..%2fx", [400], new CsrBuilder("../x", key).Pem()),
            ("../x", [400, 403], new CsrBuilder("../x", key).Pem()), // another route, which is no one's
            ("row14.example.org", [400], new CsrBuilder("row14.example.org", key) { BreakSignature = true }.Pem()),
            ("row14.example.org", [400],
                new CsrBuilder("row14.example.org", key).Extension("2.5.29.15", w => w.WriteBitString([6], 1)).Pem()),
            ("row14.example.org", [413], new string('j', 1024 * 1024)),
        })
        {
            await File.WriteAllTextAsync(curl.File("csr"), request);
            var (_, status, body) = await curl.Run($"/puppet-ca/v1/certificate_request/{asked}", "-X", "PUT", "-H",
                "Content-Type: text/plain", "--data-binary", $"@{curl.File("csr")}");
            Assert.True(code.Contains(status), $"{asked}: {status} {body}");
        }
        Assert.Equal(before, await Stored());
    }

    private static string Put(AgentHost agent, int status) =>
        $"\"PUT /puppet-ca/v1/certificate_request/{agent.Certname} HTTP/1.1\" {status} ";

    private async Task<List<string>> Stored() =>
        [.. await house.Keys(ObjectKeys.HeldRequests), .. await house.Keys(ObjectKeys.Claims), .. await house.Keys(ObjectKeys.Certificates),
            .. await house.Keys("ca/keys/")];
}
