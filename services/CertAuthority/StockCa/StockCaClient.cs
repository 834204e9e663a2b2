using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.StockCa;

/// <summary>A request that waits at puppetserver: its name and the SHA-256 of the whole request, as puppetserver prints it.</summary>
internal sealed record StockRequest(CertName Name, string Fingerprint);

/// <summary>
/// A certificate at puppetserver: its name as it is, the SHA-256 of its DER in lower-case hex, its serial in our spelling.
/// </summary>
internal sealed record StockSigned(string Name, string Fingerprint, string Serial);

/// <summary>What puppetserver answered to the wish to sign.</summary>
/// <param name="Signed">It did, now.</param>
/// <param name="Waits">Whether the request still waits: puppetserver has rules of its own.</param>
/// <param name="Why">Its message, when it did not.</param>
internal sealed record StockSigning(bool Signed, bool Waits, string Why);

/// <summary>
/// The HTTP API of puppetserver's CA (docs/puppet-contracts.md §1), as its administrator. Trusts that CA alone; files that change are read
/// again. Any outage is STOCK_CA_UNAVAILABLE; after one, calls fail at once for a second, so that a thousand names do not wait a thousand
/// time-outs.
/// </summary>
internal sealed class StockCaClient(StockCaOptions options, TimeProvider clock) : IDisposable
{
    private const int LargestAnswer = 32 * 1024 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5), Rest = TimeSpan.FromSeconds(1);
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private readonly PeerCertificates identity = new(options.Files, clock);
    private readonly Lock gate = new();
    private (PeerCertificates.Loaded Of, HttpClient Client)? open;
    private volatile Outage? failed;

    /// <summary>Every request that waits, but those whose name no agent may have.</summary>
    public async Task<IReadOnlyList<StockRequest>> Waiting(CancellationToken cancel)
    {
        using var answer = await Send(HttpMethod.Get, "certificate_statuses/any_key?state=requested", null, cancel);
        var body = await Text(Expect(answer, HttpStatusCode.OK), cancel);
        try
        {
            using var list = JsonDocument.Parse(body);
            return [.. list.RootElement.EnumerateArray().Select(RequestOf).OfType<StockRequest>()];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw Unavailable("its list of requests is not the expected JSON");
        }
    }

    /// <summary>Every certificate that it has signed and not revoked. puppetserver reads each of its files for that.</summary>
    public async Task<IReadOnlyList<StockSigned>> Signed(CancellationToken cancel)
    {
        using var answer = await Send(HttpMethod.Get, "certificate_statuses/any_key?state=signed", null, cancel);
        var body = await Text(Expect(answer, HttpStatusCode.OK), cancel);
        try
        {
            using var list = JsonDocument.Parse(body);
            return [.. list.RootElement.EnumerateArray().Select(SignedOf)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw Unavailable("its list of certificates is not the expected JSON");
        }
    }

    /// <summary>The request in PEM; null: it does not wait (any more).</summary>
    public Task<byte[]?> Request(CertName name, CancellationToken cancel) => Pem($"certificate_request/{name}", cancel);

    /// <summary>The certificate in PEM; null: it has none under this name.</summary>
    public Task<byte[]?> Certificate(CertName name, CancellationToken cancel) => Pem($"certificate/{name}", cancel);

    public async Task<StockSigning> Sign(CertName name, CancellationToken cancel)
    {
        using var answer = await SetState(name, "signed", cancel);
        if (answer.StatusCode == HttpStatusCode.NoContent)
            return new StockSigning(true, false, "");
        Expect(answer, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        var words = PrintableText.Of(await Text(answer, cancel));
        // Both codes are also what a second signer gets who came too late.
        return new StockSigning(false, answer.StatusCode == HttpStatusCode.Conflict
            && !words.EndsWith("without a certificate request", StringComparison.Ordinal), words);
    }

    /// <returns>False: there is no certificate of this name to revoke. Revoked before is true.</returns>
    public async Task<bool> Revoke(CertName name, CancellationToken cancel)
    {
        using var answer = await SetState(name, "revoked", cancel);
        Expect(answer, HttpStatusCode.NoContent, HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>Drops the name's certificate and request from puppetserver's files; its serial stays on the CRL.</summary>
    public async Task Delete(CertName name, CancellationToken cancel)
    {
        using var answer = await Send(HttpMethod.Delete, $"certificate_status/{name}", null, cancel);
        Expect(answer, HttpStatusCode.NoContent, HttpStatusCode.OK, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
    }

    public void Dispose() => open?.Client.Dispose();

    private Task<HttpResponseMessage> SetState(CertName name, string state, CancellationToken cancel) =>
        Send(HttpMethod.Put, $"certificate_status/{name}", $$"""{"desired_state":"{{state}}"}""", cancel);

    private async Task<byte[]?> Pem(string path, CancellationToken cancel)
    {
        using var answer = await Send(HttpMethod.Get, path, null, cancel);
        return Expect(answer, HttpStatusCode.OK, HttpStatusCode.NotFound).StatusCode == HttpStatusCode.OK
            ? await answer.Content.ReadAsByteArrayAsync(cancel)
            : null;
    }

    // The body is read whole in here, so that the limit and the failures hold for it too.
    private async Task<HttpResponseMessage> Send(HttpMethod method, string path, string? json, CancellationToken cancel)
    {
        if (failed is { } before && clock.GetElapsedTime(before.At) < Rest)
            throw Unavailable(before.Cause);
        using var request = new HttpRequestMessage(method, $"puppet-ca/v1/{path}");
        if (json is not null)
            request.Content = new StringContent(json, Json);
        try
        {
            var answer = await Client().SendAsync(request, HttpCompletionOption.ResponseContentRead, cancel);
            failed = null;
            return answer;
        }
        catch (Exception e) when (e is HttpRequestException or InvalidOperationException or AuthenticationException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            var cause = e is OperationCanceledException
                ? $"no answer within {Limit.TotalSeconds:0} s"
                : e.InnerException is AuthenticationException tls
                ? $"TLS: {tls.Message}"
                : e.Message;
            failed = new Outage(clock.GetTimestamp(), cause);
            throw Unavailable(cause);
        }
    }

    private HttpResponseMessage Expect(HttpResponseMessage answer, params ReadOnlySpan<HttpStatusCode> good)
    {
        if (good.Contains(answer.StatusCode))
            return answer;
        var code = (int)answer.StatusCode;
        var path = answer.RequestMessage!.RequestUri!.AbsolutePath;
        answer.Dispose();
        throw Unavailable(
            code is 401 or 403
                ? $"it does not accept our certificate as an administrator's ({code}); the certificate needs pp_cli_auth"
                : $"it answers {code} to {path}");
    }

    // One client for each pair of files, so that a renewed certificate is shown from the next request on. The old one is left to its
    // requests.
    private HttpClient Client()
    {
        var current = identity.Current;
        lock (gate)
        {
            if (open is not { } standing || standing.Of != current)
                open = (current, NewClient(current));
            return open.Value.Client;
        }
    }

    private HttpClient NewClient(PeerCertificates.Loaded own) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        UseCookies = false,
        ConnectTimeout = Limit,
        PooledConnectionLifetime = TimeSpan.FromMinutes(1),
        SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = own.Policy(),
            ClientCertificateContext = own.Context,
        },
    })
    {
        BaseAddress = new Uri(options.Url),
        Timeout = Limit,
        MaxResponseContentBufferSize = LargestAnswer,
    };

    private static StockRequest? RequestOf(JsonElement entry) =>
        CertName.TryParse(entry.GetProperty("name").GetString(), out var name, out _)
            ? new StockRequest(name, entry.GetProperty("fingerprint").GetString() ?? "")
            : null;

    private static StockSigned SignedOf(JsonElement entry) => new(
        entry.GetProperty("name").GetString() ?? "",
        (entry.GetProperty("fingerprint").GetString() ?? "").Replace(":", "", StringComparison.Ordinal).ToLowerInvariant(),
        entry.TryGetProperty("serial_number", out var serial) && SerialNumber.Readings(serial.GetRawText()) is [.., var reading]
            ? $"{reading}"
            : "");

    private FaultException Unavailable(string cause) =>
        new(FaultKind.Unavailable, Reason.StockCaUnavailable, $"puppetserver's own CA at {options.Url} is unavailable: {cause}");

    private static Task<string> Text(HttpResponseMessage answer, CancellationToken cancel) => answer.Content.ReadAsStringAsync(cancel);


    private sealed record Outage(long At, string Cause);
}

/// <summary>A certificate that puppetserver made, as far as it matters here.</summary>
internal sealed record StockCertificate(string CommonName, string Serial, string SpkiSha256, DateTimeOffset NotAfter, string Pem)
{
    /// <returns>Null: it is no certificate.</returns>
    public static StockCertificate? Read(byte[] pem)
    {
        try
        {
            using var read = X509Certificate2.CreateFromPem(System.Text.Encoding.ASCII.GetString(pem));
            return Of(read);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static StockCertificate Of(X509Certificate2 read) => new(
        read.GetNameInfo(X509NameType.SimpleName, forIssuer: false),
        $"{SerialNumber.Of(read)}",
        $"{SpkiHash.Of(read)}",
        read.NotAfter.ToUniversalTime(),
        read.ExportCertificatePem() + "\n");
}
