using System.Net.Http.Headers;
using System.Text.Json;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;

namespace Overture.Conductor.Terminate;

/// <summary>
/// The one command that PuppetDB is sent (its command API, v1): deactivate_node, version 3, which may be repeated. After an outage calls fail
/// at once for a while, so that a thousand names do not wait a thousand time-outs.
/// </summary>
/// <param name="own">Null: there is no report listener, and the options name files.</param>
internal sealed class PuppetDbClient(ConductorOptions options, PuppetCaBundle bundle, TimeProvider clock, PuppetHostCertificate? own = null) : IDisposable
{
    private const int LargestAnswer = 64 * 1024;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5), Rest = TimeSpan.FromSeconds(5);
    private static readonly MediaTypeHeaderValue Json = new("application/json");
    private readonly PuppetPeer peer = new(options.PuppetDb, bundle, own, clock, Limit, LargestAnswer);
    private volatile Outage? failed;

    /// <summary>PuppetDB has taken the command: on its disk, worked on in its own time.</summary>
    /// <exception cref="FaultException">PUPPET_DB_UNAVAILABLE: it does not answer, or not with yes.</exception>
    public async Task Deactivate(CertName name, CancellationToken cancel)
    {
        if (failed is { } before && clock.GetElapsedTime(before.At) < Rest)
            throw Unavailable(before.Cause);
        var now = clock.NowMs().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);
        var body = JsonSerializer.Serialize(new Dictionary<string, string> { ["certname"] = $"{name}", ["producer_timestamp"] = now });
        var path = $"pdb/cmd/v1?command=deactivate_node&version=3&certname={name}&producer-timestamp={Uri.EscapeDataString(now)}";
        try
        {
            using var answer = await peer.Client().PostAsync(path, new StringContent(body, Json), cancel);
            var words = PuppetPeer.Printable(await answer.Content.ReadAsStringAsync(cancel));
            if (!answer.IsSuccessStatusCode)
                throw Rested($"it answers {(int)answer.StatusCode}{(words.Length > 0 ? $" ({words})" : "")}");
            failed = null;
        }
        catch (Exception e) when (PuppetPeer.IsOutage(e, cancel))
        {
            throw Rested(peer.Cause(e));
        }
    }

    public void Dispose() => peer.Dispose();

    private FaultException Rested(string cause)
    {
        failed = new Outage(clock.GetTimestamp(), cause);
        return Unavailable(cause);
    }

    private FaultException Unavailable(string cause) =>
        new(FaultKind.Unavailable, Reason.PuppetDbUnavailable, $"PuppetDB at {options.PuppetDb.Url} does not take the command: {cause}");

    private sealed record Outage(long At, string Cause);
}
