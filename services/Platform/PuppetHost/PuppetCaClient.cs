using System.Formats.Asn1;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.PuppetHost;

/// <summary>The requests of Puppet's CA API by which an agent gets and renews a certificate. Trusts the pinned CA bundle only.</summary>
/// <param name="server">Host of the CA API.</param>
/// <param name="port">Its port.</param>
/// <param name="bundle">The CA's chain.</param>
public sealed class PuppetCaClient(string server, int port, PuppetCaBundle bundle)
{
    private const string ChallengePassword = "1.2.840.113549.1.9.7";
    private const string AutoRenew = "1.3.6.1.4.1.34380.1.3.2";

    /// <summary>Hands in a request for this name and key, with the one-time token.</summary>
    /// <param name="renews">The owner says that it will renew: the certificate gets the life of those that do.</param>
    /// <exception cref="HttpRequestException">The CA is away, or refuses.</exception>
    public async Task Request(string certname, ECDsa key, string token, bool renews, CancellationToken cancel)
    {
        using var client = Client();
        using var body = new StringContent(Csr(certname, key, token, renews));
        body.Headers.ContentType = new MediaTypeHeaderValue("text/plain");
        using var answer = await client.PutAsync($"puppet-ca/v1/certificate_request/{certname}", body, cancel);
        answer.EnsureSuccessStatusCode();
    }

    /// <returns>PEM, or null: not signed (yet).</returns>
    public async Task<string?> Certificate(string certname, CancellationToken cancel)
    {
        using var client = Client();
        using var answer = await client.GetAsync($"puppet-ca/v1/certificate/{certname}", cancel);
        return answer.StatusCode == HttpStatusCode.NotFound
            ? null : await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync(cancel);
    }

    /// <summary>A new certificate for the name and key of a good one, by that one alone (docs/puppet-contracts.md §1.7).</summary>
    /// <param name="old">With its private key.</param>
    /// <returns>PEM.</returns>
    /// <exception cref="HttpRequestException">The CA is away, or refuses.</exception>
    public async Task<string> Renew(X509Certificate2 old, CancellationToken cancel)
    {
        using var client = Client(old);
        using var answer = await client.PostAsync("puppet-ca/v1/certificate_renewal", content: null, cancel);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync(cancel);
    }

    private static string Csr(string certname, ECDsa key, string token, bool renews)
    {
        var request = new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256);
        request.OtherRequestAttributes.Add(Attribute(ChallengePassword, token));
        if (renews)
            request.OtherRequestAttributes.Add(Attribute(AutoRenew, "true"));
        return request.CreateSigningRequestPem();
    }

    private static AsnEncodedData Attribute(string oid, string text)
    {
        var value = new AsnWriter(AsnEncodingRules.DER);
        value.WriteCharacterString(UniversalTagNumber.PrintableString, text);
        return new AsnEncodedData(new Oid(oid), value.Encode());
    }

    private HttpClient Client(X509Certificate2? own = null)
    {
        var trust = bundle.Current;
        var ssl = new SslClientAuthenticationOptions { CertificateChainPolicy = trust.Policy() };
        if (own is not null)
            ssl.ClientCertificateContext = SslStreamCertificateContext.Create(own, [.. trust.Intermediates], offline: true);
        return new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5), SslOptions = ssl })
        {
            BaseAddress = new UriBuilder("https", server, port).Uri,
            Timeout = TimeSpan.FromSeconds(15),
            MaxResponseContentBufferSize = 1024 * 1024, // certificates
        };
    }
}
