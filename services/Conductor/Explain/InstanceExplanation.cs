using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Explain;

/// <summary>
/// Why an instance is not ready, or that it is: the verdict, what it waits for, the causes with their proofs, and what has been ruled out.
/// Pure.
/// </summary>
internal static class InstanceExplanation
{
    /// <param name="records">What is known.</param>
    /// <param name="conditions">Of them, now (<see cref="ConditionRules"/>).</param>
    /// <param name="console">Causes that its console shows, the likely one first; null: it was not read now, and what it showed
    /// counts.</param>
    /// <param name="unread">Why it was not; empty: it was.</param>
    /// <param name="said">Causes that its agent's own words show, and that its certificate was never fetched; null: none.</param>
    public static ExplainInstanceResponse Of(InstanceRecords records, IReadOnlyList<Condition> conditions,
        IReadOnlyList<Cause>? console, string unread, IEnumerable<Cause>? said = null)
    {
        var state = InstanceProjection.StateOf(records);
        var waits = WaitsFor(records, state);
        var answer = new ExplainInstanceResponse { Certname = $"{records.Name}", State = state, LastRun = RunReports.Last(records) };

        // 1. what its conditions, its agent and its console say
        var known = InstanceCauses.Of(records, conditions, console ?? InstanceCauses.Shown(records), said ?? [])
            .Select(c => c.Cause).ToList();
        answer.Causes.AddRange(known);

        // 2. the verdict
        answer.Ready = known.Count == 0 && state == InstanceState.Converged;
        answer.Since = known.Count > 0 && known[0].Since is { } began ? began : Reached(records, state);
        answer.Verdict = Verdict(state, known, waits, records);
        answer.WaitsFor = answer.Ready || state >= InstanceState.Terminating ? "" : waits;

        // 3. what it is not, and what can't be known
        answer.RuledOut.AddRange(RuledOut(records, known.Count == 0 && console is not null));
        if (unread.Length > 0 && state < InstanceState.Converged)
            answer.Unknown.Add($"Its console was not read: {ConditionRules.Sentence(unread)}");
        return answer;
    }

    private static string Verdict(InstanceState state, List<Cause> causes, string waits, InstanceRecords records)
    {
        if (state == InstanceState.Terminated)
            return "It is terminated.";
        if (causes.Count > 0)
            return $"{(state == InstanceState.Converged ? "It converged, and something is wrong" : "It is not ready")}: {Lower(causes[0].Sentence)}";
        if (state == InstanceState.Converged)
            return "It is ready: its first good run was reported, and nothing is wrong.";
        return state == InstanceState.Terminating ? "It is being terminated."
            : $"It is on its way: it waits for {waits}{Until(records, state)}.";
    }

    private static string Until(InstanceRecords records, InstanceState state)
    {
        var limit = state switch
        {
            InstanceState.Launching => StepLimits.Running(records.Launch),
            InstanceState.Running => StepLimits.Csr(records.Launch),
            InstanceState.Signed or InstanceState.Classified => StepLimits.Converged(records.Launch),
            _ => TimeSpan.Zero,
        };
        return limit == TimeSpan.Zero ? "" : $", which may take {limit.TotalMinutes:0} min";
    }

    private static string WaitsFor(InstanceRecords records, InstanceState state) => state switch
    {
        InstanceState.Requested => "the provider to accept the launch",
        InstanceState.Launching => records.Launch.Provider == InstanceRecords.RegisteredProvider
            ? "its certificate request; it is to be started with its user data"
            : "the provider to start it",
        InstanceState.Running => "its certificate request: cloud-init reads its user data and starts the agent",
        InstanceState.CsrReceived => records.Claim is { IsStock: true } ? "puppetserver's own CA to sign its certificate"
            : "CertAuthority to sign its certificate",
        InstanceState.Signed => "the agent to collect its certificate and to ask the puppetserver for its first catalog",
        InstanceState.Classified => "the report of its first good run",
        InstanceState.Terminating => "its end",
        _ => "",
    };

    private static Timestamp? Reached(InstanceRecords records, InstanceState state) =>
        InstanceProjection.From(records, []).States.LastOrDefault(s => s.State == state)?.At;

    private static IEnumerable<RuledOut> RuledOut(InstanceRecords records, bool cleanConsole)
    {
        static RuledOut Line(string what, string because, string proof, Timestamp? at) => new()
        {
            What = what, Proof = new Proof { Source = ProofSources.Record, Text = because, Object = proof, At = at },
        };

        var name = records.Name;
        if (records.Fact(InstanceEvents.Launched) is { } launched)
        {
            yield return Line("the provider", $"it accepted the launch as {launched.InstanceId}",
                ObjectKeys.Fact(name, InstanceEvents.Launched), launched.At);
        }
        if (records.Fact(InstanceEvents.Running) is { } running)
        {
            yield return Line("the machine", $"it runs{(running.Addresses.Count > 0 ? $" at {string.Join(", ", running.Addresses)}" : "")}",
                ObjectKeys.Fact(name, InstanceEvents.Running), running.At);
        }
        if (cleanConsole && records.Claim is null)
        {
            yield return new RuledOut
            {
                What = "what consoles show",
                Proof = new Proof { Source = ProofSources.Console, Text = "its console has no line that is known to mean a fault" },
            };
        }
        if (records.Claim is { } claim)
        {
            yield return Line("user data, token, and the way to CertAuthority", "its certificate request came and was accepted",
                ObjectKeys.Claim(name, claim.Id), claim.At);
        }
        if (records.Certificate is { } certificate)
        {
            yield return Line("signing", $"certificate {certificate.Serial} was signed",
                certificate.Serial.Length > 0 ? ObjectKeys.Certificate(certificate.Serial) : "", certificate.At);
        }
        if (records.FirstServed is { } served)
        {
            yield return Line("the puppetserver, its hook, and classification", "the puppetserver asked for its classification, and got it",
                ObjectKeys.History(name, served.Id), served.At);
        }
        var reported = records.FailedRuns.Concat(records.PartialRuns).MaxBy(f => f.At.ToDateTimeOffset())
            ?? records.Fact(InstanceEvents.Converged);
        if (reported is not null)
            yield return Line("forwarding of reports", "a report of it came", ObjectKeys.Fact(name, reported.Event), reported.At);
    }

    private static string Lower(string sentence) => sentence.Length > 1 && char.IsUpper(sentence[1]) ? sentence
        : char.ToLowerInvariant(sentence[0]) + sentence[1..];
}
