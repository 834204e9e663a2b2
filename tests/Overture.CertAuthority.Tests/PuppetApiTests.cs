using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.CertAuthority.PuppetApi;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The bytes on the wire (docs/puppet-contracts.md §0, §1 and §2).</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class PuppetApiTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task GetCa_IsTheBundleByteForByte()
    {
        using var answer = await ca.Get("certificate/ca");
        Assert.Equal(await File.ReadAllBytesAsync(house.BundleFile), await answer.Content.ReadAsByteArrayAsync());
        Framed(answer, "text/plain");
    }

    [Fact]
    public async Task GetCrl_IsOneListForEachCa()
    {
        using var answer = await ca.Get("certificate_revocation_list/ca");
        Framed(answer, "text/plain");
        Assert.Equal(2, (await answer.Content.ReadAsStringAsync()).Split("-----BEGIN X509 CRL-----").Length - 1);
    }

    [Theory]
    [InlineData(600, HttpStatusCode.NotModified), InlineData(1, HttpStatusCode.OK), InlineData(-60, HttpStatusCode.OK)]
    public async Task GetCrl_IfModifiedSince_AllowsForClockSkew(int secondsAfter, HttpStatusCode expected)
    {
        var asked = TimeProvider.System.GetUtcNow().AddSeconds(secondsAfter).ToString("r", CultureInfo.InvariantCulture);
        using var answer = await Conditional(asked);
        Assert.Equal(expected, answer.StatusCode);
        Assert.Equal(expected == HttpStatusCode.OK, (await answer.Content.ReadAsByteArrayAsync()).Length > 0);
    }

    [Fact]
    public async Task GetCrl_MalformedDate_IsTheList()
    {
        using var answer = await Conditional("yesterday");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("certificate/nobody", "Could not find certificate nobody")]
    [InlineData("certificate/No%20Name", "Could not find certificate")]
    [InlineData("certificate_request/nobody", "Could not find certificate_request nobody")]
    public async Task GetUnknown_Is404(string path, string body)
    {
        using var answer = await ca.Get(path);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal(body, await answer.Content.ReadAsStringAsync());
        Framed(answer, "text/plain");
    }

    [Theory]
    [InlineData("GET", "certificate_status/x"), InlineData("GET", "certificate_statuses/any_key"), InlineData("PUT", "clean"),
        InlineData("GET", "bogus"), InlineData("POST", "sign/all")]
    [InlineData("GET", "certificate_revocation_list/xyz"), InlineData("DELETE", "certificate/x"),
        InlineData("POST", "certificate_request/x"), InlineData("GET", "certificate"), InlineData("GET", "../../metrics")]
    public async Task AnythingElse_Is403WithPuppetsWords(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
        using var answer = await ca.Agent.SendAsync(request);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var full = new Uri(ca.Agent.BaseAddress!, path).AbsolutePath;
        Assert.Equal($"Forbidden request: {full} (method :{method.ToLowerInvariant()}). Please see the server logs for details.",
            await answer.Content.ReadAsStringAsync());
        Framed(answer, null);
    }

    [Theory]
    [InlineData("/status/v1/simple"), InlineData("/status/v1/simple/ca")]
    public async Task Status_IsRunning(string path)
    {
        using var answer = await ca.Get(path);
        Assert.Equal("running"u8.ToArray(), await answer.Content.ReadAsByteArrayAsync());
        Assert.Equal("text/plain;charset=utf-8", answer.Content.Headers.ContentType!.ToString().Replace(" ", "", StringComparison.Ordinal));
        Assert.False(answer.Headers.Contains("X-Puppet-Version"));
    }

    [Fact]
    public async Task OtherListenersRoutes_AreNotHere()
    {
        using var answer = await ca.Agent.PostAsync(
            new Uri("/overture.certauthority.v1.CertAuthorityService/GetCrl", UriKind.Relative), new ByteArrayContent([]));
        Assert.True(answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden, $"{answer.StatusCode}");
        var files = house.Pki.Files("admin");
        using var peer = X509Certificate2.CreateFromPemFile(files.Certificate, files.Key);
        using var handler = new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { ClientCertificates = [peer],
            RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null } };
        using var client = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://localhost:{ca.GrpcPort}/puppet-ca/v1/certificate/ca") {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Host = $"localhost:{ca.ApiPort}";
        using var elsewhere = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
    }

    [Fact]
    public async Task PutChunkedTooLarge_Is413()
    {
        using var request = new HttpRequestMessage(
            HttpMethod.Put, new Uri("certificate_request/x", UriKind.Relative)) { Content = new ByteArrayContent(new byte[20_000]) };
        request.Headers.TransferEncodingChunked = true;
        using var answer = await ca.Agent.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task PutClaimingAGigabyte_IsAnsweredBeforeItIsSent()
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ca.ApiPort);
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        await tls.WriteAsync(Encoding.ASCII.GetBytes(
            "PUT /puppet-ca/v1/certificate_request/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        using var reader = new StreamReader(tls);
        Assert.Equal("HTTP/1.1 413 Payload Too Large", await reader.ReadLineAsync(limit.Token));
    }

    [Theory]
    [InlineData(System.Security.Authentication.SslProtocols.Tls12, true),
        InlineData(System.Security.Authentication.SslProtocols.Tls13, true)]
    public async Task Handshake_ShowsAP256LeafWithItsChain(System.Security.Authentication.SslProtocols protocol, bool works)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ca.ApiPort);
        X509Certificate2? leaf = null;
        var chain = 0;
        await using var tls = new SslStream(client.GetStream(), false, (_, c, sent, _) =>
        {
            leaf = X509CertificateLoader.LoadCertificate(c!.GetRawCertData()); // a server always shows one
            chain = sent!.ChainPolicy.ExtraStore.Count;
            return c is not null;
        });
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions { TargetHost = "localhost", EnabledSslProtocols = protocol });
        Assert.Equal(works, tls.IsAuthenticated);
        using var seen = Assert.IsType<X509Certificate2>(leaf);
        Assert.NotNull(seen.GetECDsaPublicKey());
        Assert.Equal(
            ["certauthority-api", "localhost"], seen.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single().EnumerateDnsNames());
        Assert.True(chain >= 1, "the intermediate was not sent");
    }

    [Fact]
    public async Task RevokedClient_IsShutOut()
    {
        var instance = await house.Launch();
        using var key = RSA.Create(2048);
        (await ca.Put(instance, key)).Dispose();
        using var certificate = X509Certificate2.CreateFromPem((await ca.Certificate(instance.Name))!).CopyWithPrivateKey(key);
        using var open = ca.AgentClient(certificate);
        using var before = await open.GetAsync(new Uri("certificate/ca", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, before.StatusCode);

        await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "a test" });

        // The open connection outlives the certificate; its next request does not.
        using var after = await open.GetAsync(new Uri("certificate/ca", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Forbidden, after.StatusCode);
        using var fresh = ca.AgentClient(certificate);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => fresh.GetAsync(new Uri("certificate/ca", UriKind.Relative)));
    }

    [Fact]
    public async Task ForeignClientCertificate_EndsTheHandshake()
    {
        using var key = RSA.Create(2048);
        using var foreign = new CertificateRequest("CN=stranger", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        using var client = ca.AgentClient(foreign);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri("certificate/ca", UriKind.Relative)));
    }

    private Task<HttpResponseMessage> Conditional(string since)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, new Uri("certificate_revocation_list/ca", UriKind.Relative));
        request.Headers.TryAddWithoutValidation("If-Modified-Since", since);
        return ca.Agent.SendAsync(request);
    }

    private static void Framed(HttpResponseMessage answer, string? contentType)
    {
        Assert.True(answer.Content.Headers.TryGetValues("Content-Length", out _), "no Content-Length: an agent waits 30 s");
        Assert.NotEqual(true, answer.Headers.TransferEncodingChunked);
        Assert.Equal(contentType, answer.Content.Headers.ContentType?.ToString());
        Assert.True(answer.Headers.Contains("X-Puppet-Version") || contentType is null);
    }
}
