using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Conductor.Retry;

/// <summary>
/// Launches another in the place of an instance that stalled, by its original spec, or of one that was refused for good, by its profile as
/// that is now: a name is launched once, so the other has a name and a token of its own. Repeated, it finds the same one.
/// </summary>
internal sealed class ReplaceInstance(LaunchLedger ledger, InstanceRecordsReader reader, ProviderSet providers, LaunchInstances launch,
    TerminateSaga saga, InstanceTable table, InstanceEventStore facts)
{
    /// <param name="by">Who asks: for the records, and the other must be within that scope.</param>
    /// <param name="name">It stalled, or was refused.</param>
    /// <param name="keepFailed">It stays as it is, for a look at it; else it is terminated once the other was started.</param>
    /// <param name="cancel">Gives up waiting; what was recorded continues.</param>
    /// <param name="profile">Launch by this stored profile; null: by the original spec.</param>
    public async Task<RetryInstanceResponse> Run(PeerIdentity by, CertName name, bool keepFailed, CancellationToken cancel,
        string? profile = null)
    {
        // 1. what was asked for
        var record = await ledger.Standing(name, cancel) ?? throw Lookup.Unknown(name);
        if (record.Provider == InstanceRecords.RegisteredProvider)
            throw Refused($"{name} was registered and is not started from here; register another");
        if (providers.HolderOf(record) is null)
            throw Refused($"{name} belongs to another Conductor, that of {record.Provider} {record.Account}");
        var (spec, source) = await ledger.Asked(record, cancel)
            ?? throw Refused($"its launch spec was not recorded; launch another and terminate {name}");

        // 2. the other; its request belongs to the caller of the failed one, under its name, so that every replacer finds the same
        var request = new LaunchInstancesRequest { Count = 1, RequestId = RequestIdOf(name) };
        if (profile is null)
            request.Spec = spec;
        else
            request.Profile = profile;
        var answer = (await launch.Run(record.Caller, request, by, cancel, source)).Results.Single();
        var response = new RetryInstanceResponse { Instance = answer.Instance, Reason = answer.Reason, Detail = answer.Detail,
            Replaces = name.ToString() };
        if (CertName.TryParse(answer.Instance.Certname, out var other, out _) && table.Current(other) is not null)
        {
            await facts.Write(other, new InstanceFact { Event = InstanceEvents.Replaces,
                Detail = $"launched in the place of {name}: retry by {by.Caller}" }, cancel);
        }

        // 3. the failed one is terminated; not before the other exists, not if it has recovered, and never if it is protected
        if (answer.Reason.Length > 0 || keepFailed)
            return response;
        if (answer.Instance is not { InstanceId.Length: > 0, State: < InstanceState.Terminating })
        {
            response.Detail = $"{answer.Instance.Certname}, which was launched in its place before, is {answer.Instance.State}; {name} "
                + "is kept: launch another yourself";
        }
        else if (await table.Refold(name, cancel) is not { } now
            || now.Conditions.All(c => c.Type is not (ConditionType.Stalled or ConditionType.LaunchFailed)))
        {
            response.Detail = $"{name} has recovered meanwhile and is kept";
        }
        else if (now.Quarantined)
        {
            response.Detail = $"{name} is in quarantine and is kept: overture instance terminate {name}, once it was looked at";
        }
        else if (now.Protected)
        {
            response.Detail = $"{name} is protected and is kept: overture instance protect {name} --off, then terminate it";
        }
        else
        {
            await saga.Begin(name, by.Caller, $"replaced by {answer.Instance.Certname}", cancel);
        }
        return response;
    }

    /// <summary>What was launched in its place; null: nothing.</summary>
    public async Task<RetryInstanceResponse?> Find(CertName name, CancellationToken cancel) =>
        await reader.Read(name, cancel) is { } records
            && await ledger.NamesOf(records.Launch.Caller, RequestIdOf(name), cancel) is [var other]
            && await table.Refold(other, cancel) is { } instance
            ? new RetryInstanceResponse { Instance = instance, Replaces = name.ToString() } : null;

    private static string RequestIdOf(CertName name) => $"replace-{name}";

    private static FaultException Refused(string why) => new(FaultKind.Precondition, Reason.ProviderFailed, why);
}
