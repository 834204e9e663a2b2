using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Overture.Console.Services;

namespace Overture.Console.Instances;

/// <summary>What an instance's page shows.</summary>
/// <param name="Definition">Null: not asked; its trouble may be that there is none yet.</param>
/// <param name="Held">Its request, where that waits for a person; null: none is asked for.</param>
/// <param name="Tail">Its console, where it is stalled before its certificate and the person may see it; null: not asked for.</param>
/// <param name="Windows">How long instances of its profile take; null: it has none.</param>
/// <param name="TraceUrl">Where its trace is shown; empty: nowhere.</param>
/// <param name="Done">What was just done here: "protect"; empty: nothing.</param>
public sealed record InstanceModel(Instance Instance, Answer<ExplainInstanceResponse> Explained, Answer<GetTimelineResponse> Timeline,
    Answer<ExplainNodeResponse> Definition, Answer<GetCertificateResponse> Certificate, Answer<GetHeldRequestResponse>? Held,
    Answer<GetConsoleResponse>? Tail, Answer<SummarizeConvergenceResponse>? Windows, Way Way, bool MayChange, string TraceUrl, string Done)
{
    /// <summary>The whole way with this profile, from requested to converged; null: none has converged.</summary>
    public StepWindow? Usual => Windows?.Value?.Steps.FirstOrDefault(s => s is
        { From: InstanceState.Requested, To: InstanceState.Converged, Count: >= Way.Fewest });

    /// <summary>What a person may do to it as it is now, each with its words.</summary>
    public IEnumerable<InstanceAct> Acts => MayChange ? InstanceAct.All.Where(a => a.Fits(Instance)) : [];

    /// <summary>Class of the verdict: ok, way, warning or error.</summary>
    public string Tone => Explained.Value is { Ready: true } ? "ok"
        : Explained.Value is { Causes.Count: > 0 } && Layout.Say.Tone(Instance) is "ok" or "way" ? "warning" : Layout.Say.Tone(Instance);
}

/// <summary>Something that a person may do to an instance.</summary>
/// <param name="Name">In the address.</param>
/// <param name="Button">On it.</param>
/// <param name="What">The sentence on the page that asks once more.</param>
/// <param name="NeedsReason">It is kept in the records.</param>
/// <param name="Command">Without the certname.</param>
public sealed record InstanceAct(string Name, string Button, string What, bool NeedsReason, bool IsGrave, string Command,
    Func<Instance, bool> Fits)
{
    public static IReadOnlyList<InstanceAct> All { get; } =
    [
        new("retry", "Retry",
            "The provider is asked again. One that stalled is replaced by another with a name of its own, and terminated.",
            false, false, "overture instance retry", i => IsOpen(i)
                && i.Conditions.Any(c => c.Type is ConditionType.LaunchFailed or ConditionType.Stalled)),
        new("protect", "Protect", "It can't be terminated until that is taken back.", false, false, "overture instance protect",
            i => IsOpen(i) && !i.Protected),
        new("unprotect", "Unprotect", "It can be terminated again.", false, false, "overture instance protect --off",
            i => IsOpen(i) && i.Protected),
        new("quarantine", "Quarantine", "It gets no certificate, renewal or classification until that is lifted. It goes on running.",
            true, true, "overture instance quarantine", i => IsOpen(i) && !i.Quarantined),
        new("release", "Lift quarantine", "It may get certificates and be classified again.", true, false,
            "overture instance quarantine --lift", i => IsOpen(i) && i.Quarantined),
        new("terminate", "Terminate", "Its certificate is revoked, its machine stopped, its definition archived. This can't be taken back.",
            true, true, "overture instance terminate", i => IsOpen(i) && !i.Protected),
    ];

    private static bool IsOpen(Instance i) => i.State is not (InstanceState.Terminated or InstanceState.Terminating);
}
