using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Terminate;

/// <summary>
/// Tells PuppetDB that a node is no more, so that its resources are no longer collected. Optional: a PuppetDB that is away holds an end up for
/// 2 minutes, by this process's clock, and no longer.
/// </summary>
internal sealed class DeactivateNode(PuppetDbClient puppetDb, EventLog events, TimeProvider clock, ILogger<DeactivateNode> log)
{
    /// <summary>How long PuppetDB may take, from the first time it was asked about a name.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<CertName, long> since = new();

    /// <returns>Null: done, or given up with a line in the timeline. Else what it waits for.</returns>
    public async Task<string?> Run(CertName name, CancellationToken cancel)
    {
        var first = since.GetOrAdd(name, clock.GetTimestamp());
        try
        {
            // 1. asked; again and again does no harm
            await puppetDb.Deactivate(name, cancel);
            await events.Write("conductor", name, "puppetdb-deactivated", "PuppetDB was told to deactivate the node");
        }
        catch (FaultException e) when (clock.GetElapsedTime(first) < Patience)
        {
            return e.Message;
        }
        catch (FaultException e)
        {
            // 2. long enough
            Log.NotDeactivated(log, name, e.Message);
            await events.Write("conductor", name, "puppetdb-away", $"terminating goes on without PuppetDB, where the node stays until it expires: {e.Message}", e.Reason);
        }
        since.TryRemove(name, out _);
        return null;
    }
}
