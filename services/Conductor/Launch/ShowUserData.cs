using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>What cloud-init of an instance was given, masked: kept nowhere, so rendered again from what was asked for.</summary>
internal sealed class ShowUserData(LaunchLedger ledger, InstanceRecordsReader reader, ProviderSet providers, ObjectStore store)
{
    /// <exception cref="FaultException">NOT_FOUND; or what was asked for is not recorded, or is not allowed any more.</exception>
    public async Task<string> Run(CertName name, CancellationToken cancel)
    {
        // 1. what was asked for
        var record = (await reader.Read(name, cancel) ?? throw Lookup.Unknown(name)).Launch;
        if (await ledger.Asked(record, cancel) is not { } asked)
        {
            throw new FaultException(FaultKind.Precondition, Reason.ProviderUnfit,
                $"what was asked for when {name} was launched is not recorded, so its user data can't be shown");
        }
        // 2. as it was rendered then, but for what is secret
        var plan = LaunchPlan.From(asked.Spec, store.Name, providers.HolderOf(record) is null ? null : providers.Find);
        return ledger.Masked(name, plan);
    }
}
