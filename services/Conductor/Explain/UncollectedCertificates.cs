using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Explain;

/// <summary>Which agents never fetched their certificate: no record says that, the timeline does.</summary>
internal sealed class UncollectedCertificates(Timeline timeline)
{
    /// <summary>Whether that may be what it waits for; of a certificate of puppetserver's own CA nothing says it.</summary>
    public static bool IsInDoubt(InstanceRecords records, IReadOnlyList<Condition> conditions) =>
        records.Claim is { IsStock: false } && InstanceProjection.StateOf(records) == InstanceState.Signed
            && conditions.Any(c => c.Type == ConditionType.Stalled);

    /// <summary>Of many in few calls. The line of its signing must be there: a registry that has lost lines shows nothing.</summary>
    /// <param name="names">Of those in doubt.</param>
    /// <returns>The cause of each that has not fetched it; none while the registry is away.</returns>
    public async Task<IReadOnlyDictionary<CertName, Cause>> Find(IReadOnlyCollection<CertName> names)
    {
        var found = new Dictionary<CertName, Cause>();
        try
        {
            foreach (var (name, lines) in await timeline.Read(names, InstanceEvents.Signed, InstanceEvents.Collected))
            {
                if (lines is [{ Key: InstanceEvents.Signed } signed])
                {
                    found[name] = CauseRules.OfLine($"{name}", StalledCauses.NotCollected, ProofSources.Timeline,
                        $"{signed.Detail}, and no line says that it was fetched", signed.At.ToDateTimeOffset());
                }
            }
        }
        catch (FaultException)
        {
            // What is known without it is said.
        }
        return found;
    }
}
