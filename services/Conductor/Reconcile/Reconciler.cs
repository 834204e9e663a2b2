using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Compares the records with the providers' inventories, both ways, and repairs differences. Launches whose answers were all lost are
/// found, and instances that were terminated by hand are cleaned up.
/// </summary>
internal sealed class Reconciler(InstanceTable table, InstanceRecordsReader reader, ProviderSet providers, Remediator remediator,
    FencingLock fencing, TimeProvider clock, ILogger<Reconciler> log) : IDisposable
{
    /// <summary>The task of the Conductors that hold the same instances: those of other hosts take turns among themselves.</summary>
    internal string Task { get; } = "reconcile-" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
        System.Text.Encoding.UTF8.GetBytes(string.Join('\n',
            providers.All.Select(p => $"{p.Name} {p.Account}").Order(StringComparer.Ordinal)))))[..16];

    // Looks in quick succession, e.g. by a user who repeats the command, count as one.
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(20);

    // Of each provider: the names missing in the last look, in how many in a row, and when it was.
    private readonly ConcurrentDictionary<IProvider, (DateTimeOffset At, Dictionary<string, int> Names)> missing = new();
    private readonly SemaphoreSlim oneAtATime = new(1, 1);
    private HashSet<(FindingKind, string)> reported = [];

    /// <param name="apply">Repair; else only report.</param>
    /// <param name="orphans">With apply: end those too. The timer never does: with a wrong bucket every instance is an orphan.</param>
    /// <param name="limit">How many may be ended, by provider; 0: the brake's.</param>
    /// <param name="cancel">Gives up between two of them.</param>
    /// <param name="by">Who asks, for the log; empty: the timer.</param>
    public async Task<ReconcileResponse> Run(bool apply, bool orphans, int limit, CancellationToken cancel, string by = "")
    {
        if (apply && by.Length > 0)
            Log.Applied(log, by, limit);
        await oneAtATime.WaitAsync(cancel);
        try
        {
            var response = new ReconcileResponse();
            var begun = clock.GetTimestamp();
            // 1. what exists, before the records
            var now = clock.GetUtcNow();
            var inventories = await Inventories(response, cancel);
            // 2. the records
            var records = await Records(cancel);
            response.Records = records.Count;
            response.Instances = inventories.Sum(i => i.Listed.Count(l => !l.Seen.IsGone));
            // 3. from here on an earlier comparison repairs nothing more
            var turn = apply ? await fencing.Raise(Task, cancel) : null;
            // 4. provider by provider; those of one cloud brake together
            foreach (var cloud in inventories.GroupBy(i => i.Provider.Name))
            {
                var compared = cloud.Select(i => Compare(i.Provider, i.Listed, records, now)).ToList();
                IReadOnlyList<IReadOnlyList<Discrepancy>> found = [.. compared.Select(c => c.All(limit))];
                if (limit == 0)
                    found = Comparison.Together(found, compared.Sum(c => c.Living));
                foreach (var (provider, discrepancy) in cloud.Zip(found).SelectMany(f => f.Second.Select(d => (f.First.Provider, d))))
                    response.Findings.Add(await One(provider, discrepancy, turn, orphans, cancel));
            }
            Report(response);
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
        // At once: one that does not answer holds up the others no longer than it takes itself.
        var asked = await System.Threading.Tasks.Task.WhenAll(providers.All.Select(async provider =>
        {
            try
            {
                return (Provider: provider, Listed: (IReadOnlyList<Listed>?)await provider.Inventory(cancel), Why: "");
            }
            catch (ProviderException e)
            {
                return (Provider: provider, Listed: null, Why: e.Message);
            }
        }));
        foreach (var (provider, _, why) in asked.Where(a => a.Listed is null))
        {
            var where = $"{provider.Name} {provider.Account}";
            Log.Blind(log, where, why);
            response.Unknown.Add($"{where}: {why}");
        }
        return [.. asked.Where(a => a.Listed is not null).Select(a => new Inventory(a.Provider, a.Listed!))];
    }

    private async Task<Dictionary<string, (IProvider? Holder, ComparedRecord Record)>> Records(CancellationToken cancel)
    {
        var all = new Dictionary<string, (IProvider?, ComparedRecord)>(StringComparer.Ordinal);
        foreach (var name in await table.Names(cancel))
        {
            try
            {
                if ((table.Rows.Find(name)?.Records() ?? await reader.Read(name, cancel)) is { } records)
                    all.Add(name.ToString(), (providers.HolderOf(records.Launch), ComparedRecord.From(records)));
            }
            catch (Exception e) when (e is not (FaultException or OperationCanceledException))
            {
                Log.Damaged(log, name, e.Message);
            }
        }
        return all;
    }

    private Comparison Compare(IProvider provider, IReadOnlyList<Listed> listed,
        Dictionary<string, (IProvider? Holder, ComparedRecord Record)> records, DateTimeOffset now)
    {
        var held = records.Values.Where(r => r.Holder == provider).Select(r => r.Record).ToList();
        var there = listed.Where(l => !l.Seen.IsGone).Select(l => l.Name).ToHashSet(StringComparer.Ordinal);
        var before = missing.GetValueOrDefault(provider, (now - Apart, []));
        var counts = now - before.At >= Apart;
        var absent = held.Select(r => r.Name).Where(n => !there.Contains(n))
            .ToDictionary(n => n, n => Math.Max(1, before.Names.GetValueOrDefault(n) + (counts ? 1 : 0)), StringComparer.Ordinal);
        missing[provider] = (counts ? now : before.At, absent);
        return new Comparison(provider.Settling, held, listed, records.ContainsKey, n => absent.GetValueOrDefault(n), now)
            { IsFurther = provider.IsFurther };
    }

    private async Task<Finding> One(IProvider provider, Discrepancy discrepancy, FencingLock.Turn? turn, bool orphans,
        CancellationToken cancel)
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
            finding.HeldBack = "needs a decision: overture gc --apply";
            return finding;
        }
        try
        {
            await turn.Check(cancel);
            finding.HeldBack = await remediator.Remediate(provider, discrepancy, cancel) ?? "";
            finding.Done = finding.HeldBack.Length == 0;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            Log.NotRepaired(log, discrepancy.Name, e.Message);
            finding.HeldBack = e.Message;
        }
        return finding;
    }

    // Once each, however often it is found.
    private void Report(ReconcileResponse response)
    {
        foreach (var f in response.Findings.Where(f => !reported.Contains((f.Kind, f.Certname))))
            Log.Found(log, f.Kind, f.Certname, f.Provider, f.Detail, f.Done ? f.Action : f.HeldBack);
        reported = [.. response.Findings.Select(f => (f.Kind, f.Certname))];
    }
}
