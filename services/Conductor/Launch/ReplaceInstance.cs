using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// Launches another in the place of an instance that stalled, by what was asked for then: a name is launched once, so the other has a name and a
/// token of its own. Repeated, it finds the same one.
/// </summary>
internal sealed class ReplaceInstance(LaunchLedger ledger, EvidenceReader reader, ProviderSet providers, LaunchInstances launch, TerminateSaga saga, StateKeeper keeper)
{
    /// <param name="caller">For the records.</param>
    /// <param name="name">It stalled.</param>
    /// <param name="keepFailed">It stays as it is, for a look at it; else it is terminated once the other was started.</param>
    /// <param name="cancel">Gives up waiting; what was written down goes on.</param>
    public async Task<RetryInstanceResponse> Run(string caller, CertName name, bool keepFailed, CancellationToken cancel)
    {
        // 1. what was asked for
        var record = await ledger.Standing(name, cancel) ?? throw Lookup.Unknown(name);
        if (record.Provider == LaunchPlan.Registered)
            throw Refused($"{name} was registered: somebody else starts it; register another");
        if (providers.HolderOf(record) is null)
            throw Refused($"{name} is another Conductor's, that of {record.Provider} {record.Account}");
        var (spec, byProfile) = await ledger.Asked(record, cancel) ?? throw Refused($"what was asked for is not written down; launch another yourself, and terminate {name}");

        // 2. the other; its request is one of whoever launched the failed one, by that one's name: whoever replaces it finds the same
        var answer = (await launch.Run(record.Caller, new LaunchInstancesRequest { Spec = spec, Count = 1, RequestId = RequestIdOf(name) }, cancel, byProfile)).Results.Single();
        var response = new RetryInstanceResponse { Instance = answer.Instance, Reason = answer.Reason, Detail = answer.Detail, Replaces = name.ToString() };

        // 3. the failed one ends; not before there is another, not if it came right meanwhile, and never against its protection
        if (answer.Reason.Length > 0 || keepFailed)
            return response;
        if (answer.Instance is not { InstanceId.Length: > 0, State: < InstanceState.Terminating })
            response.Detail = $"{answer.Instance.Certname}, which was launched in its place before, is {answer.Instance.State}; {name} stays: launch another yourself";
        else if (await keeper.Refold(name, cancel) is not { Trouble: InstanceTrouble.BootStalled } now)
            response.Detail = $"{name} came right meanwhile and stays";
        else if (now.Protected)
            response.Detail = $"{name} is protected and stays: overture instance protect {name} --off, then terminate it";
        else
            await saga.Begin(name, caller, $"replaced by {answer.Instance.Certname}", cancel);
        return response;
    }

    /// <summary>What was launched in its place; null: nothing.</summary>
    public async Task<RetryInstanceResponse?> Find(CertName name, CancellationToken cancel) =>
        await reader.Read(name, cancel) is { } evidence && await ledger.NamesOf(evidence.Launch.Caller, RequestIdOf(name), cancel) is [var other] && await keeper.Refold(other, cancel) is { } instance
            ? new RetryInstanceResponse { Instance = instance, Replaces = name.ToString() } : null;

    private static string RequestIdOf(CertName name) => $"replace-{name}";

    private static FaultException Refused(string why) => new(FaultKind.Precondition, Reason.ProviderFailed, why);
}
