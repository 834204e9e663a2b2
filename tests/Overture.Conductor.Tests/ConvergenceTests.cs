using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>How long instances took: windows of steps, and the last day by the hour.</summary>
public sealed class ConvergenceTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 30, 0, TimeSpan.Zero);

    [Fact]
    public void Windows_AreOfEachStep_AndOfTheWholeWay()
    {
        var answer = Summary([.. Enumerable.Range(1, 100).Select(i => Way(Now.AddHours(-30), boot: i))]);
        Assert.Equal(100, answer.Converged);
        var boot = answer.Steps.Single(s => s.From == InstanceState.Running);
        Assert.Equal((10, 50, 90, 100), (Seconds(boot.P10), Seconds(boot.P50), Seconds(boot.P90), boot.Count));
        Assert.Equal((InstanceState.Requested, InstanceState.Converged, 60),
            (answer.Steps[^1].From, answer.Steps[^1].To, Seconds(answer.Steps[^1].P50)));
        Assert.Empty(answer.Hours);
    }

    [Fact]
    public void StepThatWasNotSeen_CountsNowhere_AndTheWholeWayDoes()
    {
        var answer = Summary([Way(Now.AddHours(-1), boot: 5, withCertificate: false)]);
        Assert.DoesNotContain(answer.Steps, s => s.From is InstanceState.CsrReceived or InstanceState.Signed);
        Assert.Equal(1, answer.Steps[^1].Count);
    }

    [Fact]
    public void Hours_AreOfTheLastDay_ByTheTimeOfConvergence()
    {
        var answer = Summary([Way(Now.AddMinutes(-1), boot: 5), Way(Now.AddMinutes(-2), boot: 25), Way(Now.AddHours(-2), boot: 90),
            Way(Now.AddHours(-23), boot: 7), Way(Now.AddHours(-24), boot: 8)]);
        Assert.Equal([13, 10, 12], answer.Hours.Select(h => h.From.ToDateTimeOffset().Hour));
        Assert.Equal([1, 1, 2], answer.Hours.Select(h => h.Count));
        Assert.Equal((15, 35), (Seconds(answer.Hours[2].P50), Seconds(answer.Hours[2].P95)));
        // Of all of them together, not of the hours: 15, 17, 35 and 100 s.
        Assert.Equal((17, 100), (Seconds(answer.P50), Seconds(answer.P95)));
    }

    [Fact]
    public void Registered_CountsNotInTheStepsThatItDidNotTake()
    {
        var records = Records(Now.AddHours(-1), 5, true);
        records.Launch.Provider = InstanceRecords.RegisteredProvider;
        var answer = Summary([ConvergedWay.Of(records)!]);
        Assert.DoesNotContain(answer.Steps, s => s.Count > 0 && s.To <= InstanceState.Running);
        Assert.Contains(answer.Steps, s => s.From == InstanceState.CsrReceived);
    }

    [Fact]
    public void OneThatHasNotConverged_HasNoWay() => Assert.Null(ConvergedWay.Of(Records(Now, 5, true) with { Facts = [] }));

    private static SummarizeConvergenceResponse Summary(List<ConvergedWay> ways) => SummarizeConvergence.Of(ways, ways, Now);

    private static int Seconds(Duration span) => (int)span.ToTimeSpan().TotalSeconds;

    private static ConvergedWay Way(DateTimeOffset at, int boot, bool withCertificate = true) =>
        ConvergedWay.Of(Records(at, boot, withCertificate))!;

    // Ten seconds, and its boot, before it converged.
    private static InstanceRecords Records(DateTimeOffset at, int boot, bool withCertificate)
    {
        var name = TestIds.New().CertName();
        var begin = at.AddSeconds(-10 - boot);
        InstanceFact Fact(string what, double seconds) =>
            new() { Certname = $"{name}", Event = what, At = begin.AddSeconds(seconds).ToTimestamp() };
        return new InstanceRecords
        {
            Name = name,
            Launch = new LaunchRecord { Certname = $"{name}", NotBefore = begin.ToTimestamp(), Provider = "ec2" },
            Facts = [Fact(InstanceEvents.Launched, 1), Fact(InstanceEvents.Running, 2), Fact(InstanceEvents.Converged, 10 + boot)],
            Claim = new Claimed("1", "01", begin.AddSeconds(2 + boot).ToTimestamp()),
            Certificate = withCertificate ? new Signed("01", begin.AddSeconds(3 + boot).ToTimestamp()) : null,
            FirstServed = new Served("1", begin.AddSeconds(4 + boot).ToTimestamp()),
        };
    }
}
