using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>
/// What anyone may read, and what only the right certificate opens: docs/puppet-contracts.md §10, rows 1-3 and 23-25, by curl and openssl.
/// </summary>
[Collection(AgentCollection.Name), Trait("Category", "integration")]
public sealed class PublicRows(CaFixture house) : IDisposable
{
    private const string Api = "/puppet-ca/v1";
    private static readonly string[] Closed = ["certificate_status/x", "certificate_statuses/any_key", "bogus"];
    private readonly Curl curl = new(house.Ca);

    public void Dispose() => curl.Dispose();

    [Fact]
    public async Task Row01_GetCa_SigningCaFirst_TwiceTheSame()
    {
        var first = await curl.Run($"{Api}/certificate/ca");
        var second = await curl.Run($"{Api}/certificate/ca");

        Assert.Equal((0, 200), (first.Exit, first.Status));
        Assert.Equal(first, second);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(first.Body);
        Assert.Equal(2, chain.Count);
        Assert.Equal(chain[1].Subject, chain[0].Issuer);
        Assert.Equal(chain[1].Subject, chain[1].Issuer);
    }

    [Fact]
    public async Task Row02_GetCrl_OneForEachCa_AllVerify()
    {
        var (_, status, body) = await curl.Run($"{Api}/certificate_revocation_list/ca");

        Assert.Equal(200, status);
        var lists = body.Split("-----END X509 CRL-----\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lists.Length);
        foreach (var list in lists)
        {
            await File.WriteAllTextAsync(curl.File("crl.pem"), $"{list}-----END X509 CRL-----\n");
            Assert.Contains("verify OK", (await Tool.Run("openssl", "crl", "-in", curl.File("crl.pem"), "-verify", "-CAfile",
                house.BundleFile, "-noout")).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Row03_GetCrl_SinceTomorrow_IsNotModified_MalformedIsTheList()
    {
        var tomorrow = TimeProvider.System.GetUtcNow().AddDays(1).ToString("r", CultureInfo.InvariantCulture);
        Assert.Equal((0, 304, ""), await curl.Run($"{Api}/certificate_revocation_list/ca", "-H", $"If-Modified-Since: {tomorrow}"));
        Assert.Equal(200, (await curl.Run($"{Api}/certificate_revocation_list/ca", "-H", "If-Modified-Since: tomorrow")).Status);
    }

    [Fact]
    public async Task Row23_AdminRoutes_WithoutOrWithANodesCertificate_Are403()
    {
        using var node = await house.Ca.Node();
        foreach (var client in new[] { [], curl.As(node) })
        {
            foreach (var path in Closed)
                Assert.Equal(403, (await curl.Run($"{Api}/{path}", client)).Status);
            Assert.Equal(403, (await curl.Run($"{Api}/clean",
                [.. client, "-X", "PUT", "-H", "Content-Type: application/json", "-d", $$"""{"certnames":["{{node.Name}}"]}"""])).Status);
        }
        Assert.NotNull(await house.Ca.Certificate(node.Name));
        // The certificate itself was taken.
        Assert.Equal(200, (await curl.Run($"{Api}/expirations", curl.As(node))).Status);
    }

    [Theory]
    [InlineData("/puppet-ca/v1/certificate/ca")]
    [InlineData("/puppet-ca/v1/certificate_revocation_list/ca")]
    [InlineData("/status/v1/simple")]
    public async Task Row24_RevokedCertificate_EndsTheHandshake(string path)
    {
        using var node = await house.Ca.Node();
        Assert.Equal(200, (await curl.Run(path, curl.As(node))).Status);

        await house.Ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "row 24" });

        var (exit, status, _) = await curl.Run(path, curl.As(node));
        // In the handshake (TLS 1.2), by the alert after it (TLS 1.3), or by the end of the connection if that is seen first.
        Assert.True(exit is 35 or 56 or 52, $"curl ended with {exit}");
        Assert.Equal(0, status);
        Assert.Equal(200, (await curl.Run(path)).Status);
    }

    [Fact]
    public async Task Row25_Status_IsRunning_AndNamesAVersionOfTheCa()
    {
        Assert.Equal((0, 200, "running"), await curl.Run("/status/v1/simple/ca"));
        var services = JsonDocument.Parse((await curl.Run("/status/v1/services")).Body).RootElement;
        // `puppetserver ca` signs in bulk from 8.4.0 on.
        Assert.True(Version.Parse(services.GetProperty("ca").GetProperty("service_version").GetString()!) >= new Version(8, 4, 0));
    }
}
