using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Conductor.Workers;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Evidence to state, as tables.</summary>
public sealed class InstanceProjectionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CertName Name = TestIds.New().CertName();

    [Theory]
    [InlineData("", InstanceState.Requested)]
    [InlineData("launched", InstanceState.Running)]
    [InlineData("launched claim", InstanceState.CsrReceived)]
    [InlineData("launched claim certificate", InstanceState.Signed)]
    [InlineData("launched claim certificate served", InstanceState.Classified)]
    [InlineData("launched claim certificate served converged", InstanceState.Converged)]
    [InlineData("launched claim certificate served converged terminating", InstanceState.Terminating)]
    [InlineData("launched claim certificate served converged terminating terminated", InstanceState.Terminated)]
    [InlineData("terminating terminated", InstanceState.Terminated)]
    // facts may be seen out of order: the highest counts
    [InlineData("converged", InstanceState.Converged)]
    [InlineData("certificate claim", InstanceState.Signed)]
    public void From_PositiveFacts_StateIsTheHighest(string seen, InstanceState expected)
    {
        var instance = Fold(seen);
        Assert.Equal(expected, instance.State);
        Assert.Empty(instance.Conditions);
        Assert.Equal(InstanceTrouble.Unspecified, instance.Trouble);
        Assert.Equal(instance.States.Select(s => s.State).Order(), instance.States.Select(s => s.State));
        Assert.Equal(InstanceState.Requested, instance.States[0].State);
    }

    [Fact]
    public void From_AllFacts_EachStateHasTheTimeOfItsFact()
    {
        var states = Fold("launched claim certificate served converged terminating terminated")
            .States.ToDictionary(s => s.State, s => (int)(s.At.ToDateTimeOffset() - Start).TotalSeconds);
        Assert.Equal(
            new Dictionary<InstanceState, int>
            {
                [InstanceState.Requested] = 0, [InstanceState.Launching] = 1, [InstanceState.Running] = 1, [InstanceState.CsrReceived] = 2,
                [InstanceState.Signed] = 3,
                [InstanceState.Classified] = 4, [InstanceState.Converged] = 5, [InstanceState.Terminating] = 6,
                [InstanceState.Terminated] = 7,
            }, states);
    }

    [Fact]
    public void From_FactsInAnyOrder_TheSameInstance()
    {
        var facts = new[] { Fact("launched", 1), Fact("run-failed-a", 4), Fact("run-failed-b", 3), Fact("launch-failed", 0),
            Fact("terminating", 6) };
        var folds = Permutations(facts).Select(p => Shown(InstanceRecords("claim certificate") with { Facts = p }, Start))
            .Distinct();
        Assert.Single(folds);
        Assert.Single(Permutations(facts[..4]).Select(p => Shown(InstanceRecords("") with { Facts = p }, Start))
            .Distinct());
    }

    [Fact]
    public void From_Registered_IsLaunchingFromTheStart()
    {
        var records = InstanceRecords("");
        records.Launch.Provider = "registered";
        Assert.Equal(InstanceState.Launching, Shown(records, Start).State);
    }

    /// <summary>Review, point 13: the last reason counts, in whatever order the facts are read.</summary>
    [Fact]
    public void P13_LaunchFailed_LatestReasonCounts()
    {
        var facts = new[] { Fact("launch-failed", 1), Fact("launch-failed-b", 3), Fact("launch-failed-a", 4), Fact("launch-failed-c", 2) };
        Assert.All(Permutations(facts),
            p => Assert.Contains(": launch-failed-a. ",
                Shown(InstanceRecords("") with { Facts = p }, Start.AddSeconds(9)).TroubleDetail,
                StringComparison.Ordinal));
    }

    [Fact]
    public void From_RunningFact_HasItsOwnTime()
    {
        var records = InstanceRecords("") with { Facts = [Fact("launched", 1), Fact("running", 9)] };
        var states = Shown(records, Start).States;
        Assert.Equal(Start.AddSeconds(1), states.Single(s => s.State == InstanceState.Launching).At.ToDateTimeOffset());
        Assert.Equal(Start.AddSeconds(9), states.Single(s => s.State == InstanceState.Running).At.ToDateTimeOffset());
    }

    [Theory]
    [InlineData("launch-failed@1", "", 10, "LaunchFailed")]
    [InlineData("launch-failed@1 launched@2", "", 10, "")]
    [InlineData("launch-failed@1 launch-failed-a@2 launched@3", "", 10, "")]
    // it was started by hand
    [InlineData("launch-failed@1", "claim", 10, "")]
    [InlineData("launched@1", "", 1800, "")]
    [InlineData("launched@1", "", 1801, "Stalled")]
    [InlineData("launched@1", "refused", 1801, "CsrRefused")]
    [InlineData("launched@1", "held", 1801, "CsrHeld")]
    [InlineData("launched@1", "held refused", 10, "CsrRefused CsrHeld")]
    [InlineData("launched@1 running@100", "", 1801, "")]
    // that a poll saw it run does not take back what came before
    [InlineData("launched@1 running@100", "refused", 110, "CsrRefused")]
    [InlineData("launched@1", "claim certificate", 3602, "")]
    [InlineData("launched@1", "claim certificate", 3603, "Stalled")]
    [InlineData("launched@1 converged@5", "claim certificate served", 9999, "")]
    [InlineData("launched@1", "", 3600, "Stalled")]
    // an emptier cause that comes later never hides the true one
    [InlineData("launch-failed@1", "", 3600, "LaunchFailed Stalled")]
    [InlineData("launched@1", "refused", 3700, "CsrRefused Stalled")]
    [InlineData("launched@1 run-failed-a@5", "claim certificate served", 3700, "RunFailed Stalled")]
    [InlineData("launched@1 run-partial-a@3650", "claim certificate served", 3700, "Stalled PartialRun")]
    [InlineData("launched@1", "claim", 3600, "")]
    [InlineData("launched@1", "held", 10, "CsrHeld")]
    [InlineData("launched@1", "held claim", 10, "")]
    [InlineData("launched@1", "refused", 10, "CsrRefused")]
    [InlineData("launched@1", "refused claim", 10, "")]
    [InlineData("launched@1 run-failed-a@5", "claim certificate served", 10, "RunFailed")]
    // the failed run came before the definition was served: a later good sign clears it
    [InlineData("launched@1 run-failed-a@3", "claim certificate served", 10, "")]
    [InlineData("launched@1 run-failed-a@5 converged@6", "claim certificate served", 10, "")]
    [InlineData("launched@1 run-partial-a@5", "claim certificate served", 10, "PartialRun")]
    [InlineData("launched@1 run-failed-a@5 run-partial-a@6", "claim certificate served", 10, "RunFailed PartialRun")]
    [InlineData("launched@1 run-partial-a@5 converged@6", "claim certificate served", 10, "")]
    [InlineData("launched@1 run-failed-a@5 terminating@6", "claim certificate served", 10, "")]
    [InlineData("launched@1 quarantined-a@5", "claim certificate", 10, "Quarantined")]
    [InlineData("launched@1 quarantined-a@5 released-b@6", "claim certificate", 10, "")]
    public void From_Conditions_HoldUntilWhatEndsThem(string facts, string seen, int now, string expected)
    {
        var records = InstanceRecords(
            seen) with { Facts = [.. facts.Split(' ').Select(f => Fact(f.Split('@')[0], int.Parse(f.Split('@')[1])))] };
        var instance = Shown(records, Start.AddSeconds(now));
        Assert.Equal(expected, Types(instance));
        Assert.All(instance.Conditions, c => Assert.All(new[] { c.Reason, c.Message, c.Next }, t => Assert.NotEqual("", t)));
        Assert.All(instance.Conditions, c => Assert.True(c.Since.ToDateTimeOffset() <= Start.AddSeconds(now)));
        Assert.Equal(instance.Trouble == InstanceTrouble.Unspecified, instance.TroubleDetail.Length == 0);
    }

    [Theory]
    [InlineData("", 601, "not started it")]
    [InlineData("running@2", 1802, "has not requested a certificate")]
    [InlineData("running@2", 3600, "token is now void")]
    public void From_Stalled_NamesTheMissingStep(string fact, int now, string step)
    {
        var accepted = Fact("launched", 1);
        accepted.Pending = true;
        var records = InstanceRecords("") with { Facts = fact.Length > 0 ? [accepted, Fact("running", 2)] : [accepted] };
        Assert.Equal("", Shown(records, Start.AddSeconds(now == 3600 ? 0 : now - 1)).TroubleDetail);
        Assert.Contains(step, Shown(records, Start.AddSeconds(now)).TroubleDetail, StringComparison.Ordinal);
    }

    [Fact]
    public void From_Stalled_AfterTheCertificate_TellsWhetherItWasClassified()
    {
        Assert.Contains("no puppetserver asked",
            Shown(InstanceRecords("launched claim certificate"), Start.AddHours(2)).TroubleDetail,
            StringComparison.Ordinal);
        Assert.Contains("no good run",
            Shown(InstanceRecords("launched claim certificate served"), Start.AddHours(2)).TroubleDetail,
            StringComparison.Ordinal);
    }

    [Fact]
    public void From_StepDeadlinesOfTheLaunch_CountInsteadOfTheUsual()
    {
        var records = InstanceRecords("launched");
        records.Launch.CsrSeconds = 60;
        Assert.Equal(InstanceTrouble.Unspecified, Shown(records, Start.AddSeconds(60)).Trouble);
        Assert.Equal(InstanceTrouble.BootStalled, Shown(records, Start.AddSeconds(61)).Trouble);
    }

    [Theory]
    [InlineData("run-failed-a@5 run-partial-a@6", "the last one that failed: of run-failed-a. Fix the code")]
    [InlineData("run-partial-a@3650", "no run applied all of its catalog; the last one: of run-partial-a. Run the agent without")]
    [InlineData("launched@1", "no good run was reported, though it was classified")]
    public void Stalled_AfterTheDeadlineOfTheFirstGoodRun_SaysWhyTheRunsWereNoGood(string facts, string why)
    {
        var records = InstanceRecords("claim certificate served") with
        {
            Facts = [.. facts.Split(' ').Select(f => f.Split('@')).Select(f =>
            {
                var fact = Fact(f[0], int.Parse(f[1]));
                fact.Detail = $"of {f[0]}";
                return fact;
            })],
        };
        var instance = Shown(records, Start.AddSeconds(3700));
        var stalled = instance.Conditions.Single(c => c.Type == ConditionType.Stalled);
        Assert.Contains(why, $"{stalled.Message} {stalled.Next}", StringComparison.Ordinal);
    }

    [Fact]
    public void Tail_HostileConsole_IsShortPlainText()
    {
        var tail = StalledConsoleCapture.Tail(new string('x', 100_000) + "\r\n\u001b[31mred\u001b[0m\nlast words\n");
        Assert.True(tail.Length <= 600);
        Assert.EndsWith("x | red | last words", tail, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', tail);
    }

    [Theory]
    [InlineData(InstanceState.Running, ConditionType.Unspecified, false)]
    [InlineData(InstanceState.Running, ConditionType.Stalled, true)]
    [InlineData(InstanceState.Requested, ConditionType.LaunchFailed, true)]
    [InlineData(InstanceState.Running, ConditionType.CsrRefused, false)]
    [InlineData(InstanceState.Running, ConditionType.Protected, false)]
    [InlineData(InstanceState.Running, ConditionType.Gone, true)]
    [InlineData(InstanceState.Signed, ConditionType.Contested, true)]
    [InlineData(InstanceState.Classified, ConditionType.RunFailed, true)]
    [InlineData(InstanceState.Converged, ConditionType.Unspecified, true)]
    [InlineData(InstanceState.Terminating, ConditionType.Unspecified, false)]
    [InlineData(InstanceState.Terminated, ConditionType.Unspecified, true)]
    public void IsSettled_StateAndConditions_SaysWhetherMoreIsToCome(InstanceState state, ConditionType condition, bool settled) =>
        Assert.Equal(settled, InstanceProjection.IsSettled(state, [new Condition { Type = condition }]));

    [Fact]
    public void Proven_AllFacts_AreALineEachWithTheirProof()
    {
        var lines = InstanceTimeline.Proven(InstanceRecords("launched claim certificate served converged terminating terminated")).ToList();
        Assert.Equal(["requested", "launched", "csr-received", "signed", "classified", "converged", "terminating", "terminated"],
            lines.OrderBy(l => l.At.ToDateTimeOffset()).Select(l => l.Key));
        Assert.All(lines, l => Assert.NotEqual("", l.Object));
        Assert.All(lines, l => Assert.Equal("0af7651916cd43dd8448eb211c80319c", l.TraceId));
    }

    // By its row: packed and unpacked, as lists have it.
    private static Instance Shown(InstanceRecords records, DateTimeOffset now) => new InstanceRow(records, now).Instance();

    private static string Types(Instance instance) => string.Join(' ', instance.Conditions.Select(c => c.Type));

    private static Instance Fold(string seen) => Shown(InstanceRecords(seen), Start.AddSeconds(8));

    private static InstanceRecords InstanceRecords(string seen)
    {
        var all = seen.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new InstanceRecords
        {
            Name = Name,
            Launch = new LaunchRecord
            {
                Certname = Name.ToString(), Provider = "local", NotBefore = At(0), Deadline = At(3600),
                Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Environment = "production",
            },
            Facts = [.. all.Where(s => s is "launched" or "converged" or "terminating" or "terminated")
                .Select(s => Fact(s, s switch { "launched" => 1, "converged" => 5, "terminating" => 6, _ => 7 }))],
            Claim = all.Contains("claim") ? new Claimed("1", "01ab", At(2)) : null,
            Certificate = all.Contains("certificate") ? new Signed("01ab", At(3)) : null,
            FirstServed = all.Contains("served") ? new Served("x", At(4)) : null,
            Held = all.Contains("held") && !all.Contains("claim") ? new HeldRequest { ReceivedAt = At(2) } : null,
            Refusals = all.Contains("refused")
                ? [new TimelineEvent { Key = "csr-refused:TOKEN_MISMATCH", At = At(2), Reason = "TOKEN_MISMATCH",
                    Detail = "wrong token" }] : [],
        };
    }

    private static InstanceFact Fact(string name, int second) =>
        new() { Event = name, At = At(second), Certname = Name.ToString(), Detail = name };

    private static Timestamp At(int second) => Start.AddSeconds(second).ToTimestamp();

    private static IEnumerable<T[]> Permutations<T>(T[] items) =>
        items.Length <= 1 ? [items]
            : items.SelectMany((item, i) => Permutations([.. items[..i], .. items[(i + 1)..]]).Select(rest => (T[])[item, .. rest]));
}
