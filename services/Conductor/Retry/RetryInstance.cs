using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Retry;

/// <summary>
/// Asks the provider again for an instance it did not start, by the original spec: same name, user data and client token.
/// </summary>
internal sealed class RetryInstance(
    LaunchLedger ledger, InstanceRecordsReader reader, ProfileStore profiles, ProviderSet providers, StartInstance start,
    ReplaceInstance replace, InstanceTable table, ObjectStore store, InstanceEventStore facts, Ids ids)
{
    /// <summary>
    /// One that stalled is replaced (<see cref="ReplaceInstance"/>); so is one whose launch was refused for good, where its profile was
    /// changed since.
    /// </summary>
    /// <param name="by">Who asks: for the records, and what is launched in its place must be within that scope.</param>
    /// <param name="name">Whose.</param>
    /// <param name="keepFailed">The one that is replaced stays as it is.</param>
    /// <param name="force">Ask again although the provider refused it for good.</param>
    /// <param name="cancel">Gives up waiting; what was recorded continues.</param>
    /// <exception cref="FaultException">LAUNCH_FAILURE_FINAL; INSTANCE_ENDED; it is not launched from here.</exception>
    public async Task<RetryInstanceResponse> Run(PeerIdentity by, CertName name, bool keepFailed, bool force,
        CancellationToken cancel)
    {
        var instance = await table.Refold(name, cancel) ?? throw Lookup.Unknown(name);
        // Replaced before, and the answer was lost.
        if (instance.State >= InstanceState.Terminating && await replace.Find(name, cancel) is { } other)
            return other;
        if (instance.Conditions.Any(c => c.Type == ConditionType.LaunchFailed) && !force
            && await reader.Read(name, cancel) is { LaunchFailure: { Final: true } failure } records)
        {
            return await ChangedProfile(records, cancel) is { } profile
                ? await replace.Run(by, name, keepFailed, cancel, profile)
                : throw new FaultException(FaultKind.Precondition, Reason.LaunchFailureFinal,
                    $"{name} was refused for good ({failure.Detail.TrimEnd('.')}); correct the launch file or profile and launch again "
                        + $"with the same request id, {records.Launch.RequestId}, or ask all the same: "
                        + $"overture instance retry {name} --force");
        }
        if (IsStalled(instance))
            return await replace.Run(by, name, keepFailed, cancel);
        return await Again(instance, name, cancel, by.Caller);
    }

    // One that has run since its deadline is trying again by itself.
    private static bool IsStalled(Instance instance) => instance.Conditions.FirstOrDefault(c => c.Type == ConditionType.Stalled) is { } late
        && !instance.Conditions.Any(c => c.Type is ConditionType.RunFailed or ConditionType.PartialRun
            && c.Since.ToDateTimeOffset() > late.Since.ToDateTimeOffset());

    // Null: not launched by one, or that is as it was then, or is gone or broken now.
    private async Task<string?> ChangedProfile(InstanceRecords records, CancellationToken cancel)
    {
        if (await ledger.Asked(records.Launch, cancel) is not ({ } asked, LaunchSource.Profile))
            return null;
        try
        {
            return (await profiles.SpecOf(null, asked.Profile, cancel)).Equals(asked) ? null : asked.Profile;
        }
        catch (FaultException e) when (e.Kind != FaultKind.Unavailable)
        {
            return null;
        }
    }

    /// <summary>Asks the provider again, for a launch that was cut off.</summary>
    /// <returns>Null: it was started. Else why not.</returns>
    public async Task<string?> Ask(CertName name, CancellationToken cancel)
    {
        var response = await Again(await table.Refold(name, cancel) ?? throw Lookup.Unknown(name), name, cancel);
        return response.Reason.Length == 0 ? null : response.Detail;
    }

    private async Task<RetryInstanceResponse> Again(Instance instance, CertName name, CancellationToken cancel, string? caller = null)
    {
        if (instance.State >= InstanceState.Terminating)
        {
            throw new FaultException(FaultKind.Precondition, Reason.InstanceEnded,
                $"{name} is {(instance.State == InstanceState.Terminated ? "terminated" : "being terminated")}; launch another");
        }

        if (instance.InstanceId.Length > 0)
            return new RetryInstanceResponse { Instance = instance }; // it was started; perhaps by the very call that is repeated
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        var order = await OrderOf(records, cancel);
        if (caller is not null)
        {
            await facts.Write(name, new InstanceFact { Event = $"{InstanceEvents.Retried}{ids.Ordered()}",
                Detail = $"the provider is to be asked again: retry by {caller}" }, cancel);
        }
        var result = await start.Run(order, cancel);
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
