using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>What the records know of a name, by which a definition may be stored for it or deleted.</summary>
internal enum NameStanding
{
    /// <summary>Never launched, registered or certified.</summary>
    Unknown,
    /// <summary>No launch, but a certificate: a person approved it, or it was moved in.</summary>
    Certified,
    /// <summary>Launched or registered, and not ended.</summary>
    Launched,
    /// <summary>Its instance is terminated, or about to be.</summary>
    Ended,
}

/// <summary>
/// Asks the records of the other services whether there is such a node. A damaged record is one all the same.
/// </summary>
internal sealed class NodeNames(ObjectStore store)
{
    public async Task<NameStanding> Of(CertName name, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.FactsOf(name), null, cancel))
        {
            if (key == ObjectKeys.Fact(name, InstanceEvents.Terminating) || key == ObjectKeys.Fact(name, InstanceEvents.Terminated))
                return NameStanding.Ended;
        }
        if (await IsLaunched(name, cancel))
            return NameStanding.Launched;
        return await store.Any(ObjectKeys.ClaimsOf(name), cancel) ? NameStanding.Certified : NameStanding.Unknown;
    }

    private async Task<bool> IsLaunched(CertName name, CancellationToken cancel)
    {
        try
        {
            return await store.Get(ObjectKeys.Launch(name), cancel) is not null;
        }
        catch (Platform.Faults.UnreadableObjectException)
        {
            return true;
        }
    }
}
