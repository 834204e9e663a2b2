using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;

namespace Overture.Conductor.Terminate;

/// <summary>
/// The one command that PuppetDB is sent (its command API, v1): deactivate_node, version 3, which may be repeated; the question before it,
/// and the one after it (its query API, v4). After an outage calls fail at once for a while, so that a thousand names do not wait a
/// thousand time-outs.
/// </summary>
/// <param name="own">Null: there is no report listener, and the options name files.</param>
internal sealed class PuppetDbClient(ConductorOptions options, PuppetCaBundle bundle, TimeProvider clock, PuppetHostCertificate? own = null)
    : IDisposable
{
    private const int LargestAnswer = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5), Rest = TimeSpan.FromSeconds(5);
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private readonly PuppetPeer peer = new(options.PuppetDb, bundle, own, clock, Limit, LargestAnswer);
    private volatile Outage? failed;

    /// <summary>Whether PuppetDB has a row of this node, active or not; null: it does not let this certificate ask (401, 403).</summary>
    /// <exception cref="FaultException">PUPPET_DB_UNAVAILABLE: it does not answer, or with none of these.</exception>
    public Task<bool?> Knows(CertName name, CancellationToken cancel) => Ask<bool?>(
        (client, c) => client.GetAsync($"pdb/query/v4/nodes/{name}", c),
        status => status switch
        {
            HttpStatusCode.OK => (true, true),
            HttpStatusCode.NotFound => (true, false),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => (true, null),
            _ => (false, null),
        }, cancel);

    /// <summary>Which of these nodes PuppetDB has as active: neither deactivated nor expired.</summary>
    /// <param name="names">At most 500.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Null: it does not let this certificate ask (401, 403).</returns>
    /// <exception cref="FaultException">PUPPET_DB_UNAVAILABLE: it does not answer, or not as PuppetDB does.</exception>
    public Task<IReadOnlySet<string>?> Active(IReadOnlyCollection<CertName> names, CancellationToken cancel)
    {
        var list = JsonSerializer.Serialize(names.Select(n => $"{n}"));
        // Without a word on node_state it answers with active nodes alone. Names only: the whole rows of so many may be large.
        var query = $$"""{"query":["extract","certname",["in","certname",["array",{{list}}]]]}""";
        return Ask<IReadOnlySet<string>?>((client, c) => client.PostAsync("pdb/query/v4/nodes", new StringContent(query, Json), c),
            (status, text) => status switch
            {
                HttpStatusCode.OK => (Certnames(text) is { } found, Certnames(text)),
                HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => (true, null),
                _ => (false, null),
            }, cancel);
    }

    private static HashSet<string>? Certnames(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return [.. document.RootElement.EnumerateArray().Select(n => n.GetProperty("certname").GetString()!)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// PuppetDB has taken the command: on its disk, worked on in its own time. It makes a row for a node that it never saw.
    /// </summary>
    /// <exception cref="FaultException">PUPPET_DB_UNAVAILABLE: it does not answer, or not with yes.</exception>
    public Task Deactivate(CertName name, CancellationToken cancel)
    {
        var now = clock.NowMs().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["certname"] = $"{name}", ["producer_timestamp"] = now });
        var path = $"pdb/cmd/v1?command=deactivate_node&version=3&certname={name}&producer-timestamp={Uri.EscapeDataString(now)}";
        return Ask((client, c) => client.PostAsync(path, new StringContent(body, Json), c),
            status => ((int)status is >= 200 and < 300, true), cancel);
    }

    public void Dispose() => peer.Dispose();

    // One request; the answer's meaning is the caller's, and whatever means nothing is an outage.
    private Task<T> Ask<T>(Func<HttpClient, CancellationToken, Task<HttpResponseMessage>> send,
        Func<HttpStatusCode, (bool Known, T Meaning)> read, CancellationToken cancel) => Ask(send, (status, _) => read(status), cancel);

    private async Task<T> Ask<T>(Func<HttpClient, CancellationToken, Task<HttpResponseMessage>> send,
        Func<HttpStatusCode, string, (bool Known, T Meaning)> read, CancellationToken cancel)
    {
        if (failed is { } before && clock.GetElapsedTime(before.At) < Rest)
            throw Unavailable(before.Cause);
        try
        {
            using var answer = await send(peer.Client(), cancel);
            var body = await answer.Content.ReadAsStringAsync(cancel);
            var text = PrintableText.Of(body);
            var (known, meaning) = read(answer.StatusCode, body);
            if (!known)
                throw Rested($"it answers {(int)answer.StatusCode}{(text.Length > 0 ? $" ({text})" : "")}");
            failed = null;
            return meaning;
        }
        catch (Exception e) when (PuppetPeer.IsOutage(e, cancel))
        {
            throw Rested(peer.Cause(e));
        }
    }

    private FaultException Rested(string cause)
    {
        failed = new Outage(clock.GetTimestamp(), cause);
        return Unavailable(cause);
    }

    private FaultException Unavailable(string cause) =>
        new(FaultKind.Unavailable, Reason.PuppetDbUnavailable, $"PuppetDB at {options.PuppetDb.Url} does not accept the command: {cause}");

    private sealed record Outage(long At, string Cause);
}
