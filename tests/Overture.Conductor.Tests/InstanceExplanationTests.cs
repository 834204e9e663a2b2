using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Explain;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The verdict, its causes, and what is ruled out, from launch to converged and after.</summary>
public sealed class InstanceExplanationTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CertName Name = TestIds.New().CertName();

    public static TheoryData<int, string, string> Ways => new()
    {
        { 0, "the provider to accept the launch", "" },
        { 1, "the provider to start it", "the provider" },
        { 2, "its certificate request", "the provider, the machine" },
        { 3, "CertAuthority to sign", "the provider, the machine, user data, token, and the way to CertAuthority" },
        { 4, "the agent to collect its certificate", "the machine" },
        { 5, "the report of its first good run", "the puppetserver, its hook, and classification" },
    };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Of_OnItsWay_SaysWhatItWaitsForAndWhatIsProved(int steps, string waits, string ruledOut)
    {
        var answer = Explain(After(steps), []);
        Assert.False(answer.Ready);
        Assert.StartsWith("It is on its way: it waits for " + waits, answer.Verdict, StringComparison.Ordinal);
        Assert.StartsWith(waits, answer.WaitsFor, StringComparison.Ordinal);
        Assert.Empty(answer.Causes);
        Assert.Contains(ruledOut, string.Join(", ", answer.RuledOut.Select(r => r.What)), StringComparison.Ordinal);
        Assert.All(answer.RuledOut, r => Assert.NotEmpty(r.Proof.Text));
        Assert.Equal(At(steps), answer.Since);
    }

    [Fact]
    public void Of_Converged_IsReady()
    {
        var answer = Explain(After(6), []);
        Assert.True(answer.Ready);
        Assert.Equal(("", 0), (answer.WaitsFor, answer.Causes.Count));
        Assert.Contains(answer.RuledOut, r => r.What == "forwarding of reports");
    }

    [Fact]
    public void Of_ConvergedAndThenFailed_IsNotReady()
    {
        var records = After(6) with
        {
            LastRun = new LastRun(Start.AddSeconds(90), RunResult.Failed, "the run failed: Could not find class ::lgoin for x", null),
        };
        var answer = Explain(records, null);
        Assert.False(answer.Ready);
        Assert.Equal("CLASS_MISSING", Assert.Single(answer.Causes).Reason);
        Assert.StartsWith("It converged, and something is wrong: the puppetserver's code has no class", answer.Verdict,
            StringComparison.Ordinal);
        Assert.Equal(Start.AddSeconds(90).ToTimestamp(), answer.Since);
        Assert.Contains("lgoin", answer.Causes[0].Proofs[0].Text, StringComparison.Ordinal);
        Assert.Contains($"overture node edit {Name}", answer.Causes[0].Next, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_LateRequest_TheConsoleSaysWhy()
    {
        var console = new[] { CauseRules.OfLine($"{Name}", new KnownCause("DATASOURCE_MISSING", "cloud-init found no source of user data",
            "check it"), ProofSources.Console, "Datasource DataSourceNone", null) };
        var late = ConditionRules.New(ConditionType.Stalled, "CSR", Start.AddMinutes(31), "It has not requested a certificate.", "Read.");
        var answer = InstanceExplanation.Of(After(2), [late], console, "");
        Assert.Equal(["DATASOURCE_MISSING", "STALLED_CSR"], answer.Causes.Select(c => c.Reason));
        Assert.Equal("It is not ready: cloud-init found no source of user data.", answer.Verdict);
        // once its certificate is there, what its boot printed is no cause
        Assert.Empty(InstanceExplanation.Of(After(4), [], console, "").Causes);
    }

    [Fact]
    public void Of_UnreadConsole_IsNotKnownAndRulesNothingOut()
    {
        var answer = InstanceExplanation.Of(After(2), [], null, "the provider did not answer within 4 s");
        Assert.Equal("Its console was not read: the provider did not answer within 4 s.", Assert.Single(answer.Unknown));
        Assert.DoesNotContain(answer.RuledOut, r => r.Proof.Source == ProofSources.Console);
        Assert.Contains(Explain(After(2), []).RuledOut, r => r.Proof.Source == ProofSources.Console);
    }

    private static ExplainInstanceResponse Explain(InstanceRecords records, IReadOnlyList<Cause>? console) =>
        InstanceExplanation.Of(records, ConditionRules.Of(records, Start.AddSeconds(100)).Found, console, "");

    private static Timestamp At(int second) => Start.AddSeconds(second).ToTimestamp();

    private static InstanceRecords After(int steps) => new()
    {
        Name = Name,
        Launch = new LaunchRecord { Certname = $"{Name}", Provider = "ec2", NotBefore = At(0), Deadline = At(3600) },
        Facts = [.. Facts().Take(steps >= 6 ? 3 : Math.Min(steps, 2))],
        Claim = steps >= 3 ? new Claimed("1", "01ab", At(3)) : null,
        Certificate = steps >= 4 ? new Signed("01ab", At(4)) : null,
        FirstServed = steps >= 5 ? new Served("x", At(5)) : null,
    };

    private static InstanceFact[] Facts() =>
    [
        new InstanceFact { Event = "launched", At = At(1), InstanceId = "i-1", Pending = true },
        new InstanceFact { Event = "running", At = At(2), Addresses = { "10.0.0.9" } },
        new InstanceFact { Event = "converged", At = At(6) },
    ];
}
