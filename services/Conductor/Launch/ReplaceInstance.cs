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
internal sealed class ReplaceInstance(LaunchLedger ledger, EvidenceReader reader, LaunchInstances launch, TerminateSaga saga, StateKeeper keeper)
{
    /// <param name="caller">For the records.</param>
    /// <param name="name">It stalled.</param>
    /// <param name="keepFailed">It stays as it is, for a look at it; else it is terminated once the other was started.</param>
    /// <param name="cancel">Gives up waiting; what was written down goes on.</param>
    public async Task<RetryInstanceResponse> Run(string caller, CertName name, bool keepFailed, CancellationToken cancel)
    {
        // 1. what was asked for
        var evidence = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        if (evidence.Launch.Provider == LaunchPlan.Registered)
            throw Refused($"{name} was registered: somebody else starts it; register another");
        var spec = await ledger.Asked(evidence.Launch, cancel) ?? throw Refused($"what was asked for is not written down; launch another yourself, and terminate {name}");

        // 2. the other; the request id is the failed one's name, so a second time it is found
        var answer = (await launch.Run(caller, new LaunchInstancesRequest { Spec = spec, Count = 1, RequestId = RequestIdOf(name) }, cancel)).Results.Single();
        var response = new RetryInstanceResponse { Instance = answer.Instance, Reason = answer.Reason, Detail = answer.Detail, Replaces = name.ToString() };

        // 3. the failed one ends; not before there is another, and never against its protection
        if (answer.Reason.Length > 0 || keepFailed)
            return response;
        if (evidence.Protected)
            response.Detail = $"{name} is protected and stays: overture instance protect {name} --off, then terminate it";
        else
            await saga.Begin(name, caller, $"replaced by {answer.Instance.Certname}", cancel);
        await keeper.Refold(name, cancel);
        return response;
    }

    /// <summary>What was launched in its place, by this caller; null: nothing.</summary>
    public async Task<RetryInstanceResponse?> Find(string caller, CertName name, CancellationToken cancel) =>
        await ledger.NamesOf(caller, RequestIdOf(name), cancel) is [var other] && await keeper.Refold(other, cancel) is { } instance
            ? new RetryInstanceResponse { Instance = instance, Replaces = name.ToString() } : null;

    private static string RequestIdOf(CertName name) => $"replace-{name}";

    private static FaultException Refused(string why) => new(FaultKind.Precondition, Reason.ProviderFailed, why);
}
