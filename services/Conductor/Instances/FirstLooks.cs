using System.Collections.Concurrent;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>
/// What this process has looked at since its start: a condition whose source it has not is not known to be over, though it is not shown.
/// </summary>
internal sealed class FirstLooks
{
    private readonly ConcurrentDictionary<CertName, bool> listed = new();
    private volatile bool definitions, brokenDefinitions, runs;

    /// <summary>Which instances have no definition.</summary>
    public void AtDefinitions() => definitions = true;

    public void AtBrokenDefinitions() => brokenDefinitions = true;

    /// <summary>The last runs of all instances.</summary>
    public void AtRuns() => runs = true;

    /// <summary>Its provider lists it, and does not say that it ended.</summary>
    public void AtProvider(CertName name) => listed[name] = true;

    /// <summary>Whether a condition that does not show is over. Of one that is read with the instance: always.</summary>
    /// <param name="condition">"run-failed".</param>
    /// <param name="row">As it shows now.</param>
    public bool KnowsOver(string condition, InstanceRow row)
    {
        if (row.State >= InstanceState.Terminating)
        {
            listed.TryRemove(row.Name, out _);
            return true;
        }
        return condition switch
        {
            "gone" => listed.ContainsKey(row.Name),
            "unclassified" => definitions && !row.IsUndefined,
            "definition-broken" => brokenDefinitions,
            "run-failed" or "partial-run" or "silent" => runs || row.State < InstanceState.Converged,
            // A refusal is followed by a claim; that the registry lost it is no end of it.
            "csr-refused" => row.State >= InstanceState.CsrReceived,
            "clock-skew" => row.HasClock,
            _ => true,
        };
    }
}
