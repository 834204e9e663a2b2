using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Retry;

/// <summary>
/// Asks the provider again for an instance it did not start, by the original spec: same name, user data and client token.
/// </summary>
internal sealed class RetryInstance(
    LaunchLedger ledger, InstanceRecordsReader reader, ProviderSet providers, StartInstance start, ReplaceInstance replace,
    InstanceTable table, ObjectStore store)
{
    /// <summary>One that stalled is replaced (<see cref="ReplaceInstance"/>).</summary>
    public async Task<RetryInstanceResponse> Run(string caller, CertName name, bool keepFailed, CancellationToken cancel)
    {
        var instance = await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
        // Replaced before, and the answer was lost.
        if (instance.State >= InstanceState.Terminating && await replace.Find(name, cancel) is { } other)
            return other;
        return instance.Conditions.Any(c => c.Type == ConditionType.Stalled) ? await replace.Run(caller, name, keepFailed, cancel)
            : await Again(instance, name, cancel);
    }

    /// <summary>Asks the provider again, for a launch that was cut off.</summary>
    /// <returns>Null: it was started. Else why not.</returns>
    public async Task<string?> Ask(CertName name, CancellationToken cancel)
    {
        var response = await Again(await table.Refold(name, cancel) ?? throw Lookup.Unknown(name), name, cancel);
        return response.Reason.Length == 0 ? null : response.Detail;
    }

    private async Task<RetryInstanceResponse> Again(Instance instance, CertName name, CancellationToken cancel)
    {
        if (instance.State >= InstanceState.Terminating)
        {
            throw new FaultException(FaultKind.Precondition, Reason.InstanceEnded,
                $"{name} is {(instance.State == InstanceState.Terminated ? "terminated" : "being terminated")}; launch another");
        }

        if (instance.InstanceId.Length > 0)
            return new RetryInstanceResponse { Instance = instance }; // it was started; perhaps by the very call that is repeated
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        var result = await start.Run(await OrderOf(records, cancel), cancel);
        return new RetryInstanceResponse { Instance = result.Instance, Reason = result.Reason, Detail = result.Detail };
    }

    private async Task<LaunchOrder> OrderOf(InstanceRecords records, CancellationToken cancel)
    {
        var record = records.Launch;
        if (record.Provider == InstanceRecords.RegisteredProvider)
            throw Refused($"{records.Name} was registered and is not started from here");
        var provider = providers.HolderOf(record)
            ?? throw Refused($"{records.Name} is launched by another Conductor, that of {record.Provider} {record.Account}");
        var (asked, source) = await ledger.Asked(record, cancel)
            ?? throw Refused($"its launch spec was not recorded; repeat the launch with request id {record.RequestId}");
        return new LaunchOrder(records.Name, LaunchPlan.From(asked, store.Name, providers.Find) with { Source = source },
            record.Caller, record.RequestId, provider, record.Traceparent);
    }

    private static FaultException Refused(string why) => new(FaultKind.Precondition, Reason.ProviderFailed, why);
}
