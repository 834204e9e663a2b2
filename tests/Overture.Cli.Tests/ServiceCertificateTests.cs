using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>What overture doctor says of a certificate that a service shows in a real handshake.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ServiceCertificateTests(OvertureFixture overture)
{
    // Days from now, of this site's CA or another, its name, its role.
    [Theory]
    [InlineData(-10, 90, true, "localhost", "classifier", "ok", "classifier by ", "")]
    [InlineData(-10, 9, true, "localhost", "classifier", "warn", ", until ", "overture pki init")]
    [InlineData(-90, -1, true, "localhost", "classifier", "fail", " ended on ", "overture pki init")]
    [InlineData(1, 90, true, "localhost", "classifier", "fail", " is valid from ", "NTP")]
    [InlineData(-10, 90, false, "localhost", "classifier", "fail", "issued by Another CA, which is not the CA of ", "ca.pem")]
    [InlineData(-10, 90, true, "c.example.com", "classifier", "fail", "does not have the name localhost; it has c.example.com",
        "--host localhost")]
    [InlineData(-10, 90, true, "localhost", "conductor", "fail", "is not a classifier's", "correct the address")]
    public async Task Doctor_CertificateOfAService_HasItsDatesIssuerAndName(int from, int until, bool ours, string name, string role,
        string status, string said, string next)
    {
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = Certificate(role, name, ours, now.AddDays(from), now.AddDays(until));
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Serve(listener, certificate);
        var config = Path.Combine(overture.Pki.Home, $"shown-{((IPEndPoint)listener.LocalEndpoint).Port}.yaml");
        await File.WriteAllTextAsync(config, overture.Config("admin").Replace($"classifier: localhost:{overture.ClassifierPort}",
            $"classifier: localhost:{((IPEndPoint)listener.LocalEndpoint).Port}", StringComparison.Ordinal));
        var line = (await overture.Run("--config", config, "doctor", "-o", "json")).Json()["checks"]!.AsArray()
            .Single(c => c!["check"].Text() == "classifier certificate")!;
        listener.Stop();
        await serving;
        Assert.Equal(("certificates", status), (line["area"].Text(), line["status"].Text()));
        Assert.Contains(said, line["detail"].Text(), StringComparison.Ordinal);
        Assert.Contains(next, line["next"].Text(), StringComparison.Ordinal);
        Assert.Equal(status != "ok", line["next"].Text().Length > 0);
    }

    // A handshake, and the end: nothing is asked of it.
    private static async Task Serve(TcpListener listener, X509Certificate2 certificate)
    {
        while (true)
        {
            try
            {
                using var client = await listener.AcceptTcpClientAsync();
                await using var tls = new SslStream(client.GetStream());
                await tls.AuthenticateAsServerAsync(certificate);
            }
            catch (Exception e) when (e is IOException or AuthenticationException)
            {
                // The client does not like it.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private X509Certificate2 Certificate(string role, string name, bool ours, DateTimeOffset from, DateTimeOffset until)
    {
        using var key = CsrBuilder.EcKey();
        using var other = CsrBuilder.EcKey();
        var pki = Path.Combine(overture.Pki.Home, "pki");
        using var ca = X509Certificate2.CreateFromPemFile(Path.Combine(pki, "ca.pem"), Path.Combine(pki, "ca.key"));
        using var own = ca.GetECDsaPrivateKey()!;
        var request = new CertificateRequest($"CN={role}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        names.AddUri(new Uri($"overture://role/{role}"));
        request.CertificateExtensions.Add(names.Build());
        // Without the checks of the dates that Create with a certificate makes.
        using var made = request.Create(ours ? ca.SubjectName : new X500DistinguishedName("CN=Another CA"),
            X509SignatureGenerator.CreateForECDsa(ours ? own : other), from, until, [1, 2, 3]);
        return made.CopyWithPrivateKey(key);
    }
}
