using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Finds definitions without an instance and instances without a definition. It lists keys, a thousand a request of a bucket, so only where
/// a person asks for a comparison, not every minute; single objects are read of what it found alone.
/// </summary>
internal sealed class DefinitionFindings(ObjectStore store, InstanceTable table)
{
    /// <summary>Of each kind; the rest is counted.</summary>
    internal const int Most = 1_000;

    /// <summary>Adds what it finds to a comparison.</summary>
    public async Task Add(ReconcileResponse response, CancellationToken cancel)
    {
        // 1. the keys
        var defined = await Names(ObjectKeys.Nodes, cancel);
        var launched = await Names(ObjectKeys.Launches, cancel);
        var comparison = new DefinitionComparison(defined, launched, EndOf);

        // 2. names without a launch may have a certificate: then they are nodes all the same
        var stray = comparison.Stray;
        if (stray.Any(n => !launched.Contains(n)))
        {
            var certified = await Names(ObjectKeys.Claims, cancel);
            stray = [.. stray.Where(n => launched.Contains(n) || !certified.Contains(n))];
        }

        // 3. as it is now: each may have been launched, ended or put right since the listing
        await Take(response, stray, async name => await Exists(ObjectKeys.Node(name), cancel)
            && (launched.Contains($"{name}") || !await Exists(ObjectKeys.Launch(name), cancel))
            ? DefinitionComparison.StrayFinding($"{name}", launched.Contains($"{name}")) : null);
        await Take(response, comparison.Missing, async name => await Exists(ObjectKeys.Node(name), cancel)
            || await Exists(ObjectKeys.Fact(name, InstanceEvents.Terminating), cancel)
            ? null : DefinitionComparison.MissingFinding($"{name}"));
    }

    private Ending? EndOf(string name) => table.Rows.Find(CertName.Parse(name))?.State switch
    {
        null => null,
        InstanceState.Terminating => Ending.Underway,
        InstanceState.Terminated => Ending.Over,
        _ => Ending.None,
    };

    private static async Task Take(ReconcileResponse response, IReadOnlyList<string> names, Func<CertName, Task<Finding?>> look)
    {
        var taken = 0;
        foreach (var name in names)
        {
            if (taken == Most)
            {
                response.Omitted += names.Count - Most;
                return;
            }
            if (await look(CertName.Parse(name)) is { } finding)
            {
                response.Findings.Add(finding);
                taken++;
            }
        }
    }

    private async Task<bool> Exists(string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get(key, cancel) is not null;
        }
        catch (UnreadableObjectException)
        {
            return true;
        }
    }

    private async Task<HashSet<string>> Names(string prefix, CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(prefix, null, cancel))
        {
            var end = key.IndexOf('/', prefix.Length);
            if (CertName.TryParse(end < 0 ? key[prefix.Length..] : key[prefix.Length..end], out var name, out _))
                names.Add(name.ToString());
        }
        return names;
    }
}
