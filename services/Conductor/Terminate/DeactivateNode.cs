using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Terminate;

/// <summary>
/// Deactivates a terminated node in PuppetDB, so that its resources are no longer collected; but not a node that PuppetDB never saw, for
/// which it would make a row. Optional: an unreachable PuppetDB delays a termination by 2 minutes, by this process's clock, and no longer.
/// </summary>
internal sealed class DeactivateNode(PuppetDbClient puppetDb, Timeline timeline, TimeProvider clock, ILogger<DeactivateNode> log)
{
    /// <summary>How long PuppetDB may take, from the first time it was asked about a name.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long what a node sent may wait in PuppetDB's queue: so long a node that was classified may still turn up there.
    /// </summary>
    internal static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<CertName, long> since = new();

    /// <param name="name">Whose end it is.</param>
    /// <param name="classified">It was classified, so its agent may have sent facts.</param>
    /// <param name="cancel">Gives up; the command may have been taken.</param>
    /// <returns>Null: done, or given up with a line in the timeline. Else what it waits for.</returns>
    public async Task<string?> Run(CertName name, bool classified, CancellationToken cancel)
    {
        var first = since.GetOrAdd(name, clock.GetTimestamp());
        try
        {
            // 1. nothing to say of a node that PuppetDB never saw
            var known = await puppetDb.Knows(name, cancel);
            if (known == false && classified && clock.GetElapsedTime(first) < Settling)
                return "PuppetDB, which does not know the node yet: what its agent sent may still be queued there";
            // 2. else the command is sent; repeating it is harmless. It is sent too where queries are refused: a superfluous row expires
            // (node-purge-ttl), while a terminated node's resources in other nodes' catalogs do harm
            if (known != false)
                await puppetDb.Deactivate(name, cancel);
            timeline.Add("conductor", name, known == false ? "puppetdb-unknown" : "puppetdb-deactivated", known switch
            {
                true => "PuppetDB was asked to deactivate the node",
                false => "PuppetDB does not know the node: there is nothing to deactivate",
                null => "PuppetDB was asked to deactivate the node; it refuses queries to this certificate, so it may never have known it",
            });
        }
        catch (FaultException e) when (clock.GetElapsedTime(first) < Patience)
        {
            return e.Message;
        }
        catch (FaultException e)
        {
            // 3. long enough
            Log.NotDeactivated(log, name, e.Message);
            timeline.Add("conductor", name, "puppetdb-away",
                $"terminating goes on without PuppetDB, where the node stays until it expires: {e.Message}", e.Reason);
        }
        since.TryRemove(name, out _);
        return null;
    }
}
