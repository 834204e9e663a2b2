using System.Formats.Asn1;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Conductor.Launch;

namespace Overture.Conductor.Reports;

/// <summary>The two requests of Puppet's CA API that an agent needs to get a certificate. Trusts the pinned CA bundle only.</summary>
internal sealed class PuppetCaClient(ConductorOptions options, CaBundle bundle)
{
    private const string ChallengePassword = "1.2.840.113549.1.9.7";

    /// <summary>Hands in a request for this name and key, with the one-time token.</summary>
    /// <exception cref="HttpRequestException">The CA is away, or refuses.</exception>
    public async Task Request(string certname, ECDsa key, string token, CancellationToken cancel)
    {
        using var client = Client();
        using var body = new StringContent(Csr(certname, key, token));
        body.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        using var answer = await client.PutAsync($"puppet-ca/v1/certificate_request/{certname}", body, cancel);
        answer.EnsureSuccessStatusCode();
    }

    /// <returns>PEM, or null: not signed (yet).</returns>
    public async Task<string?> Certificate(string certname, CancellationToken cancel)
    {
        using var client = Client();
        using var answer = await client.GetAsync($"puppet-ca/v1/certificate/{certname}", cancel);
        return answer.StatusCode == HttpStatusCode.NotFound ? null : await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync(cancel);
    }

    private static string Csr(string certname, ECDsa key, string token)
    {
        var request = new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256);
        var value = new AsnWriter(AsnEncodingRules.DER);
        value.WriteCharacterString(UniversalTagNumber.PrintableString, token);
        request.OtherRequestAttributes.Add(new AsnEncodedData(new Oid(ChallengePassword), value.Encode()));
        return request.CreateSigningRequestPem();
    }

    private HttpClient Client() => new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = bundle.Current.Policy() },
    })
    {
        BaseAddress = new UriBuilder("https", options.Reports.CaServer, options.Reports.CaPort).Uri,
        Timeout = TimeSpan.FromSeconds(15),
    };
}
