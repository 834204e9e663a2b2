using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;

namespace Overture.Conductor.Terminate;

/// <summary>
/// Terminated nodes that PuppetDB has as active all the same: something sent facts, a catalog or a report for them after they were
/// deactivated, and other nodes collect their exported resources again. Each is reported once, in log and timeline; nothing is sent, for
/// what brings it back would do so again.
/// </summary>
internal sealed class ReturnedNodes(InstanceTable table, PuppetDbClient puppetDb, Timeline timeline, TimeProvider clock,
    ILogger<ReturnedNodes> log) : PeriodicWorker(TimeSpan.FromMinutes(1), clock)
{
    /// <summary>For how long after its end a node is watched: as PuppetDB's own node-ttl, after which it expires by itself.</summary>
    internal static readonly TimeSpan Watched = TimeSpan.FromDays(7);

    /// <summary>What was sent before it was deactivated, and waited in PuppetDB's queue, may still be worked on so long.</summary>
    internal static readonly TimeSpan Queue = TimeSpan.FromMinutes(5);

    private const int Together = 500;
    // When each terminated instance ended: read once of its records.
    private readonly ConcurrentDictionary<CertName, DateTimeOffset> ends = new();
    private HashSet<CertName> reported = [];

    /// <summary>Those that are active now; null: PuppetDB does not let this certificate ask.</summary>
    /// <exception cref="Platform.Faults.FaultException">PUPPET_DB_UNAVAILABLE.</exception>
    public async Task<IReadOnlyList<CertName>?> Look(CancellationToken cancel)
    {
        var now = Clock.GetUtcNow();
        var returned = new List<CertName>();
        var ended = table.Rows.All.Where(r => r.State == InstanceState.Terminated && IsWatched(EndOf(r), now)).Select(r => r.Name);
        foreach (var names in ended.Chunk(Together))
        {
            if (await puppetDb.Active(names, cancel) is not { } active)
                return null;
            returned.AddRange(names.Where(n => active.Contains($"{n}")));
        }
        return returned;
    }

    /// <summary>For `overture gc`, where PuppetDB does not let this certificate ask.</summary>
    public const string Refused = "PuppetDB refuses the query (401, 403), so terminated nodes that are active there again are not known; "
        + "next: let puppetDb.certificate's name query /pdb/query/v4/nodes (certificate-allowlist, auth.conf)";

    /// <summary>For `overture gc`.</summary>
    public static Finding FindingOf(CertName name) => new()
    {
        Kind = FindingKind.ReturnedNode,
        Certname = $"{name}",
        Detail = "it is terminated, and PuppetDB has it as active again: its exported resources are collected",
        Action = "none: it is only reported",
        HeldBack = $"end what still runs an agent under its certificate, then: puppet node deactivate {name}",
    };

    protected override async Task Turn(CancellationToken cancel)
    {
        if (!table.SeenAll)
            return;
        // Not let ask: terminating said so, and `overture gc` does.
        if (await Look(cancel) is not { } returned)
            return;
        foreach (var name in returned.Where(n => !reported.Contains(n)))
        {
            Log.NodeReturned(log, name);
            timeline.Add("conductor", name, "puppetdb-returned",
                "PuppetDB has the node as active again, after it was terminated: something still sends for it. Next: end what runs an "
                    + $"agent under its certificate, then: puppet node deactivate {name}");
        }
        reported = [.. returned];
    }

    // PuppetDB is away as a rule; the next turn asks again.
    protected override void Failed(Exception e) => Log.SweepFailed(log, e.Message);

    private DateTimeOffset EndOf(InstanceRow row) => ends.GetOrAdd(row.Name, _ =>
        row.Records().Fact(InstanceEvents.Terminated)?.At.Maybe() ?? DateTimeOffset.MinValue);

    private static bool IsWatched(DateTimeOffset end, DateTimeOffset now) => now - end >= Queue && now - end < Watched;
}
