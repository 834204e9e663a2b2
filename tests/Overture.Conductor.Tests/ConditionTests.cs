using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What is known beside an instance's own records, as conditions; and when time alone changes them.</summary>
public sealed class ConditionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CertName Name = TestIds.New().CertName();

    private static InstanceRecords Good => new()
    {
        Name = Name,
        Launch = new LaunchRecord { Certname = Name.ToString(), Provider = "local", NotBefore = At(0), Deadline = At(3600) },
        Facts = [Fact("launched", 1), Fact("converged", 5)],
        Claim = new Claimed("1", "01ab", At(2)),
        Certificate = new Signed("01ab", At(3)),
        FirstServed = new Served("x", At(4)),
    };

    public static TheoryData<string, string, string, int> Table => new()
    {
        { "contested", "Contested", "TOKEN_CONFLICT", 10 },
        { "revoked", "Revoked", "REVOKED", 10 },
        { "contested revoked", "Contested Revoked", "TOKEN_CONFLICT", 10 },
        { "stopped", "Gone", "STOPPED", 10 },
        { "shutting-down", "Gone", "SHUTTING_DOWN", 10 },
        { "terminated", "Gone", "TERMINATED", 10 },
        { "missing", "Gone", "MISSING", 10 },
        { "broken", "DefinitionBroken", "DEFINITION_INVALID", 10 },
        { "undefined", "", "", 59 },
        { "undefined", "Unclassified", "DEFINITION_MISSING", 61 },
        { "undefined own", "Protected", "PROTECTED", 61 },
        { "failed", "RunFailed", "RUN_FAILED", 10 },
        { "partial", "PartialRun", "RUN_PARTIAL", 10 },
        { "overdue", "Silent", "NO_REPORT", 10 },
        { "failed overdue", "RunFailed Silent", "RUN_FAILED", 10 },
        { "ttl", "", "", 13599 },
        { "ttl", "Expiring", "TTL", 13600 },
        { "protected", "Protected", "PROTECTED", 10 },
        { "own", "Protected", "PROTECTED", 10 },
        { "puppetserver", "Protected", "PROTECTED", 10 },
        { "certificate", "", "", 1000 },
        { "certificate", "Expiring", "CERTIFICATE", 7409000 },
        { "unrevoked", "Revoked", "REVOCATION_PENDING", 10 },
        { "failed terminating", "", "", 10 },
    };

    [Theory]
    [MemberData(nameof(Table))]
    public void Of_WhatIsKnown_IsShownWithItsReason(string known, string types, string reason, int now)
    {
        var rules = ConditionRules.Of(Given(known), Start.AddSeconds(now));
        Assert.Equal(types, string.Join(' ', rules.Found.Select(c => c.Type)));
        Assert.Equal(reason, rules.Found.Count > 0 ? rules.Found[0].Reason : "");
        // the row keeps it where it is packed
        var row = new InstanceRow(Given(known), Start.AddSeconds(now));
        Assert.Equal(rules.Found, row.Instance().Conditions);
        Assert.Equal(rules.Found, ConditionRules.Of(row.Records(), Start.AddSeconds(now)).Found);
    }

    [Theory]
    [InlineData("contested", ConditionSeverity.Error)]
    [InlineData("quarantined", ConditionSeverity.Error)]
    [InlineData("overdue", ConditionSeverity.Warning)]
    [InlineData("protected", ConditionSeverity.Info)]
    public void Of_Severity_SaysWhetherAPersonMustMendIt(string known, ConditionSeverity severity) =>
        Assert.Equal(severity, Assert.Single(ConditionRules.Of(Given(known), Start.AddSeconds(10)).Found).Severity);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_SiteManifestWithoutANodeStatementForIt_NamesTheCure(bool late)
    {
        const string why = "failed: Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: Could not find node "
            + "statement with name 'default' or 'a.example.org, a' on node a.example.org";
        var records = late ? Good with { Facts = [Fact("launched", 1), FailedRun(why)] }
            : Good with { LastRun = new LastRun(Start, RunResult.Failed, why, null) };
        foreach (var condition in ConditionRules.Of(records, Start.AddDays(late ? 2 : 0)).Found.Where(c => c.Type
            is ConditionType.RunFailed or ConditionType.Stalled))
        {
            Assert.Contains("node default {}", condition.Next, StringComparison.Ordinal);
            Assert.True(NodeStatements.AreMissingBy(condition.Message));
        }
        Assert.Contains(ConditionRules.Of(records, Start.AddDays(late ? 2 : 0)).Found,
            c => c.Type == (late ? ConditionType.Stalled : ConditionType.RunFailed));
        Assert.DoesNotContain("node default", Assert.Single(ConditionRules.Of(Given("failed"), Start.AddSeconds(10)).Found).Next,
            StringComparison.Ordinal);
    }

    [Fact]
    public void NextChange_IsTheNextMomentAtWhichTimeAloneChangesThem()
    {
        Assert.Equal(DateTimeOffset.MaxValue, new InstanceRow(Good, Start.AddSeconds(10)).NextChange);
        Assert.Equal(Start.AddSeconds(13600), new InstanceRow(Given("ttl"), Start.AddSeconds(10)).NextChange);
        Assert.Equal(Start.AddSeconds(60), new InstanceRow(Given("ttl undefined"), Start.AddSeconds(10)).NextChange);
        Assert.Equal(DateTimeOffset.MaxValue, new InstanceRow(Given("ttl"), Start.AddSeconds(13600)).NextChange);
    }

    private static InstanceRecords Given(string known)
    {
        var records = Good;
        foreach (var word in known.Split(' '))
        {
            records = word switch
            {
                "contested" => records with { Contested = new CaRecord("two keys came", Start) },
                "revoked" => records with { Revoked = new CaRecord("by jo", Start) },
                "broken" => records with { BrokenDefinition = new DefinitionFault("v", "line 1", Start) },
                "undefined" => records with { UndefinedSince = Start },
                "failed" => records with { LastRun = new LastRun(Start, RunResult.Failed, "no class", records.LastRun?.OverdueSince) },
                "partial" => records with { LastRun = new LastRun(Start, RunResult.Partial, "noop", null) },
                "overdue" => records with { LastRun = (records.LastRun ?? LastRun.None) with { OverdueSince = Start } },
                "quarantined" => records with { Facts = [.. records.Facts, Fact("quarantined-a", 5)] },
                "terminating" => records with { Facts = [.. records.Facts, Fact("terminating", 6)] },
                "unrevoked" => records with { Facts = [.. records.Facts, Fact("terminated", 6)], Unrevoked = true },
                "certificate" => records with { Current = new CurrentCertificate("01ab", At(10000000), 1) },
                "ttl" => With(records, r => r.Expires = At(100000)),
                "protected" => With(records, r => r.Protected = true),
                "own" => With(records, r => r.Role = "overture"),
                "puppetserver" => With(records, r => r.Role = "puppetserver"),
                _ => records with { Absence = new Absence(word, "", Start) },
            };
        }
        return records;
    }

    private static InstanceRecords With(InstanceRecords records, Action<LaunchRecord> change)
    {
        change(records.Launch);
        return records;
    }

    private static InstanceFact Fact(string name, int second) => new() { Event = name, At = At(second), Detail = $"of {name}" };

    private static InstanceFact FailedRun(string why) => new() { Event = "run-failed-a", At = At(4), Detail = why };

    private static Timestamp At(int second) => Start.AddSeconds(second).ToTimestamp();
}
