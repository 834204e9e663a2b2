using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Overture.Platform.Faults;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>
/// Threats §2.3 B: what a node's certificate is good for, and what only looks like one. (T30 is in Overture.Classifier.Tests.)
/// </summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsBTls(CaFixture house, ITestOutputHelper output)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T31_NodeCertificateOnTheGrpcListener_IsNoConnection()
    {
        using var node = await ca.Node();
        var oracle = await Oracle.Watch(ca, output);
        using var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
                ClientCertificateContext = SslStreamCertificateContext.Create(node.Certificate, null, offline: true),
            },
        };
        using var channel = GrpcChannel.ForAddress($"https://localhost:{ca.GrpcPort}", new GrpcChannelOptions { HttpHandler = handler });

        foreach (var rpc in Rpcs.All)
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => Rpcs.Call(channel, rpc));
            // The transport's failure, not an answer of the service: that would carry its details.
            Assert.Equal((rpc.FullName, true), (rpc.FullName, refused.StatusCode is StatusCode.Unavailable or StatusCode.Internal));
            Assert.Null(refused.Trailers.GetValueBytes("grpc-status-details-bin"));
            output.WriteLine($"called {rpc.Name} with the certificate of {node.Name}: no TLS connection");
        }

        await oracle.Holds();
    }

    [Fact]
    public async Task T37_CertificateOfATwinCa_EndsTheHandshake()
    {
        using var node = await ca.Node();
        var oracle = await Oracle.Watch(ca, output);
        var genuine = X509CertificateLoader.LoadCertificateFromFile(house.BundleFile);
        // The same distinguished name, key identifier and serial number; another key.
        using var twinKey = RSA.Create(2048);
        var authority = new CertificateRequest(genuine.SubjectName, twinKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        foreach (var extension in genuine.Extensions)
            authority.CertificateExtensions.Add(extension);
        using var twin = authority.Create(genuine.IssuerName, X509SignatureGenerator.CreateForRSA(twinKey, RSASignaturePadding.Pkcs1),
            genuine.NotBefore, genuine.NotAfter, genuine.SerialNumberBytes.Span);
        using var key = CsrBuilder.EcKey();
        var request = new CertificateRequest($"CN={node.Name}", key, HashAlgorithmName.SHA256);
        foreach (var extension in node.Certificate.Extensions)
            request.CertificateExtensions.Add(extension);
        using var leaf = request.Create(twin.SubjectName, X509SignatureGenerator.CreateForRSA(twinKey, RSASignaturePadding.Pkcs1),
            node.Certificate.NotBefore, node.Certificate.NotAfter, node.Certificate.SerialNumberBytes.Span);
        using var shown = leaf.CopyWithPrivateKey(key);

        using var client = ca.AgentClient(shown, [twin]);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri("certificate/ca", UriKind.Relative)));
        using var answer = await node.Http.GetAsync(new Uri("certificate/ca", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);

        output.WriteLine(
            $"sent a certificate for {node.Name} of another CA with the same name, key identifier and serial number: no TLS connection");
        await oracle.Holds();
    }

    /// <summary>
    /// This listener resumes no session that carries a client certificate: each connection, ticket or not, is a whole handshake, in which
    /// the certificate is looked at. Should a later .NET resume, the second half still holds: revoked is revoked. openssl's client says
    /// which it was.
    /// </summary>
    [Theory]
    [InlineData("-tls1_2"), InlineData("-tls1_3")]
    public async Task T38_TicketFromBeforeTheRevocation_OpensNothing(string version)
    {
        using var node = await ca.Node();
        using var files = new TempDirectory();
        await File.WriteAllTextAsync(files.File("node.pem"),
            node.Certificate.ExportCertificatePem() + "\n" + node.Certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem() + "\n");
        var oracle = await Oracle.Watch(ca, output);

        var first = await Connect("-sess_out", files.File("session"));
        // TLS 1.2 gives no session away at all; TLS 1.3 a ticket.
        var ticket = File.Exists(files.File("session"));
        Assert.Equal(version == "-tls1_3", ticket);
        string[] offer = ticket ? ["-sess_in", files.File("session")] : ["-reconnect"];
        var second = await Connect(offer);
        await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "a test" });
        var after = await Connect(ticket ? offer : []);

        Assert.Contains("HTTP/1.1 200", first, StringComparison.Ordinal);
        Assert.Contains(ticket ? "HTTP/1.1 200" : "drop connection and then reconnect", second, StringComparison.Ordinal);
        Assert.DoesNotContain("\nReused, ", second, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1 200", after, StringComparison.Ordinal);
        output.WriteLine(
            $"{version[1..]}: {(ticket ? "the ticket was offered and not taken" : "no session was given")}; after the revocation: no "
                + "answer");
        await oracle.Holds();

        Task<string> Connect(params string[] session) =>
            OpenSsl.Request($"GET /puppet-ca/v1/certificate/{node.Name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            ["-connect", $"127.0.0.1:{ca.ApiPort}", "-cert", files.File("node.pem"), "-key", files.File("node.pem"), "-CAfile",
                house.BundleFile, version, "-ign_eof", .. session]);
    }
}
