using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// The act of comparing what is written down with what there is, both ways, and of mending it. What was lost is found though every answer was,
/// and what somebody ended by hand is cleaned up.
/// </summary>
internal sealed class Reconciler(StateKeeper keeper, EvidenceReader reader, ProviderSet providers, Mender mender, Fence fence, TimeProvider clock, ILogger<Reconciler> log) : IDisposable
{
    /// <summary>The task of whoever holds the same instances: Conductors of other hosts' instances have turns of their own.</summary>
    internal string Task { get; } = "reconcile-" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
        System.Text.Encoding.UTF8.GetBytes(string.Join('\n', providers.All.Select(p => $"{p.Name} {p.Account}").Order(StringComparer.Ordinal)))))[..16];

    // Looks that follow each other at once say no more than one: a person's, say, who asks again and again.
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(20);

    // Of each provider: the names missing in the last look, in how many in a row, and when it was.
    private readonly ConcurrentDictionary<string, (DateTimeOffset At, Dictionary<string, int> Names)> missing = new();
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private HashSet<(FindingKind, string)> told = [];

    /// <param name="apply">Mend; else only tell.</param>
    /// <param name="orphans">With apply: end those too. The timer never does: a wrong bucket makes an orphan of everybody.</param>
    /// <param name="limit">How many may be ended, by provider; 0: the brake's.</param>
    /// <param name="cancel">Gives up between two of them.</param>
    public async Task<ReconcileResponse> Run(bool apply, bool orphans, int limit, CancellationToken cancel)
    {
        await oneAtATime.WaitAsync(cancel);
        try
        {
            var response = new ReconcileResponse();
            var begun = clock.GetTimestamp();
            // 1. what there is, before what is written down
            var now = clock.GetUtcNow();
            var inventories = await Inventories(response, cancel);
            // 2. what is written down
            var records = await Records(cancel);
            response.Records = records.Count;
            response.Instances = inventories.Sum(i => i.Listed.Count);
            // 3. from here on whoever compared earlier mends no more
            var turn = apply ? await fence.Raise(Task, cancel) : null;
            // 4. provider by provider
            foreach (var (provider, listed) in inventories)
            {
                foreach (var discrepancy in Compare(provider, listed, records, now).All(limit))
                    response.Findings.Add(await One(provider, discrepancy, turn, orphans, cancel));
            }
            Tell(response);
            if (apply)
                ReconcileMetrics.Compared(response.Findings, clock.GetElapsedTime(begun));
            return response;
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    public void Dispose() => oneAtATime.Dispose();

    private sealed record Inventory(IProvider Provider, IReadOnlyList<Listed> Listed);

    private async Task<List<Inventory>> Inventories(ReconcileResponse response, CancellationToken cancel)
    {
        var all = new List<Inventory>();
        foreach (var provider in providers.All)
        {
            try
            {
                all.Add(new Inventory(provider, [.. (await provider.Inventory(cancel)).Where(l => !l.Seen.IsGone)]));
            }
            catch (ProviderException e)
            {
                Log.Blind(log, provider.Name, e.Message);
                response.Unknown.Add($"{provider.Name}: {e.Message}");
            }
        }
        return all;
    }

    private async Task<Dictionary<string, Evidence>> Records(CancellationToken cancel)
    {
        var records = new Dictionary<string, Evidence>(StringComparer.Ordinal);
        foreach (var name in await keeper.Names(cancel))
        {
            try
            {
                if ((reader.Last(name) ?? await reader.Read(name, cancel)) is { } evidence)
                    records.Add(name.ToString(), evidence);
            }
            catch (Exception e) when (e is not (FaultException or OperationCanceledException))
            {
                Log.Damaged(log, name, e.Message);
            }
        }
        return records;
    }

    private Comparison Compare(IProvider provider, IReadOnlyList<Listed> listed, Dictionary<string, Evidence> records, DateTimeOffset now)
    {
        var held = records.Values.Where(r => providers.HolderOf(r.Launch) == provider).ToList();
        var there = listed.Select(l => l.Name).ToHashSet(StringComparer.Ordinal);
        var before = missing.GetValueOrDefault(provider.Name, (now - Apart, []));
        var counts = now - before.At >= Apart;
        var absent = held.Select(r => r.Launch.Certname).Where(n => !there.Contains(n))
            .ToDictionary(n => n, n => Math.Max(1, before.Names.GetValueOrDefault(n) + (counts ? 1 : 0)), StringComparer.Ordinal);
        missing[provider.Name] = (counts ? now : before.At, absent);
        return new Comparison(provider.Settling, held, listed, records.ContainsKey, n => absent.GetValueOrDefault(n), now);
    }

    private async Task<Finding> One(IProvider provider, Discrepancy discrepancy, Fence.Turn? turn, bool orphans, CancellationToken cancel)
    {
        var finding = new Finding
        {
            Kind = discrepancy.Kind,
            Certname = discrepancy.Name,
            Provider = provider.Name,
            InstanceId = discrepancy.InstanceId,
            Detail = discrepancy.Detail,
            Action = discrepancy.Action,
            HeldBack = discrepancy.HeldBack,
        };
        if (turn is null || discrepancy.HeldBack.Length > 0)
            return finding;
        if (discrepancy.Kind == FindingKind.Orphan && !orphans)
        {
            finding.HeldBack = "a person decides: overture gc --apply";
            return finding;
        }
        try
        {
            await turn.Check(cancel);
            finding.HeldBack = await mender.Mend(provider, discrepancy, cancel) ?? "";
            finding.Done = finding.HeldBack.Length == 0;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.NotMended(log, discrepancy.Name, e.Message);
            finding.HeldBack = e.Message;
        }
        return finding;
    }

    // Once each, however often it is found.
    private void Tell(ReconcileResponse response)
    {
        foreach (var f in response.Findings.Where(f => !told.Contains((f.Kind, f.Certname))))
            Log.Found(log, f.Kind, f.Certname, f.Provider, f.Detail, f.Done ? f.Action : f.HeldBack);
        told = [.. response.Findings.Select(f => (f.Kind, f.Certname))];
    }
}
