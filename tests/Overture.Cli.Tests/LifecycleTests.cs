using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>retry, protect, ttl and gc: what is asked of the Conductor, what is printed, and how it exits.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class LifecycleTests(OvertureFixture overture)
{
    [Fact]
    public async Task Retry_Failed_AsksOnlyForThoseOfTheChosenWhoseLaunchFailed()
    {
        var (failed, sound, others) = (Failed(), overture.Conductor.Add(NewName()), Failed());
        foreach (var mine in new[] { failed, sound })
            mine.Labels.Add("team", "blue");
        (await overture.Run("instance", "retry", "--failed", "-l", "team=blue", "--yes")).Exit(0);
        Assert.Equal([failed.Certname], Retried(failed, sound, others));
        // A selector alone chooses no others either; and what is named is looked at with --failed.
        (await overture.Run("instance", "retry", "-l", "team=blue", "--yes")).Exit(0);
        (await overture.Run("instance", "retry", "--failed", failed.Certname, sound.Certname)).Exit(0);
        Assert.Equal([failed.Certname, failed.Certname, failed.Certname], Retried(failed, sound, others));
        (await overture.Run("instance", "retry", "--failed", sound.Certname)).Exit(0).Says("no launch failed and no boot stalled");
    }

    [Fact]
    public async Task Retry_NeitherNamesNorSelector_IsRefusedWithWhatToGive()
    {
        var failed = Failed();
        (await overture.Run("instance", "retry", "--failed")).Exit(2)
            .Says("give names, or choose by --label, --profile, --state or the like").Says("next: overture instance retry --help");
        (await overture.Run("instance", "retry")).Exit(2).Says("give names, or choose by");
        (await overture.Run("instance", "retry", "--failed", "--yes")).Exit(2);
        (await overture.Run("instance", "retry", "--failed", "--state", "requested,converged")).Exit(2)
            .Says("there is no terminal to ask whether to retry");
        Assert.Empty(Retried(failed));
    }

    [Fact]
    public async Task Retry_RefusedForGood_SaysHowToForceIt()
    {
        var name = overture.Conductor.Add(NewName(), image: "refused for good").Certname;
        (await overture.Run("instance", "retry", name)).Exit(6).Says($"overture instance retry {name} --force");
        (await overture.Run("instance", "retry", name, "--force")).Exit(0);
        Assert.Contains($"{name} forced", overture.Conductor.Retries);
    }

    [Fact]
    public async Task Retry_Stalled_SaysWhatTakesItsPlaceAndPassesKeepFailedOn()
    {
        var stalled = overture.Conductor.Add(NewName());
        stalled.Conditions.Add(new Condition { Type = ConditionType.Stalled });
        (await overture.Run("instance", "retry", "--failed", stalled.Certname)).Exit(0)
            .Says($"0e0e0e0e-0000-4000-8000-000000000001 takes the place of {stalled.Certname}");
        Assert.Contains(stalled.Certname, overture.Conductor.Retries);
        (await overture.Run("instance", "retry", stalled.Certname, "--keep-failed")).Exit(0);
        Assert.Contains($"{stalled.Certname} kept", overture.Conductor.Retries);
    }

    [Fact]
    public async Task Retry_ProviderStillRefuses_Is1AndSaysWhy()
    {
        var name = overture.Conductor.Add(NewName(), image: "refused").Certname;
        (await overture.Run("instance", "retry", name)).Exit(1).Says($"error: {name}: still no capacity (PROVIDER_FAILED)");
    }

    private Instance Failed()
    {
        var failed = overture.Conductor.Add(NewName());
        failed.Conditions.Add(new Condition { Type = ConditionType.LaunchFailed });
        return failed;
    }

    private IEnumerable<string> Retried(params Instance[] of) =>
        overture.Conductor.Retries.Where(r => of.Any(i => i.Certname == r));

    [Fact]
    public async Task Protect_OnAndOff_SendsJustThat()
    {
        var name = overture.Conductor.Add(NewName()).Certname;
        (await overture.Run("instance", "protect", name)).Exit(0).Says($"{name} is protected");
        (await overture.Run("instance", "protect", name, "--off")).Exit(0).Says($"{name} is not protected");
        var sent = overture.Conductor.Updates.Where(u => u.Certname == name).ToList();
        Assert.Equal([true, false], sent.Select(u => u.Protected));
        Assert.All(sent, u => Assert.Null(u.Ttl));
    }

    [Fact]
    public async Task Ttl_DurationOrNever_SendsJustThat()
    {
        var name = overture.Conductor.Add(NewName()).Certname;
        (await overture.Run("instance", "ttl", name, "8h")).Exit(0).Says($"{name} ends at 2027-");
        (await overture.Run("instance", "ttl", name, "never")).Exit(0).Says("stays until it is terminated");
        (await overture.Run("instance", "ttl", name, "soon")).Exit(2).Says("'soon' is not a duration");
        var sent = overture.Conductor.Updates.Where(u => u.Certname == name).ToList();
        Assert.Equal([28800, 0], sent.Select(u => u.Ttl.Seconds));
        Assert.All(sent, u => Assert.False(u.HasProtected));
    }

    [Fact]
    public async Task Quarantine_NeedsAReason_AndCanBeLifted()
    {
        var name = overture.Conductor.Add(NewName()).Certname;
        (await overture.Run("instance", "quarantine", name)).Exit(2).Says("--reason");
        (await overture.Run("instance", "quarantine", name, "--reason", "odd traffic")).Exit(0).Says("what it holds stays good");
        (await overture.Run("instance", "quarantine", name, "--lift", "--reason", "backup")).Exit(0).Says("out of quarantine");
        Assert.Equal([("odd traffic", false), ("backup", true)], overture.Conductor.Quarantines.Where(q => q.Certname == name)
            .Select(q => (q.Reason, q.Lift)));
    }

    [Fact]
    public async Task Gc_TellsAndMends_AndExitsByWhatIsLeft()
    {
        var (lost, orphan) = (NewName(), NewName());
        var before = overture.Conductor.Reconciles.Count; // doctor asks too
        overture.Conductor.Findings.Enqueue(new Finding { Kind = FindingKind.Lost, Certname = lost, Detail = "i-1 is gone",
            Action = "terminate" });
        var told = (await overture.Run("gc")).Exit(0).Says("3 records, 2 instances, 1 that do not match");
        Assert.Contains("would terminate", told.Output, StringComparison.Ordinal);
        Assert.Contains("done: terminate", (await overture.Run("gc", "--apply")).Exit(0).Output, StringComparison.Ordinal);

        overture.Conductor.Findings.Enqueue(new Finding { Kind = FindingKind.Orphan, Certname = orphan, Detail = "i-2 has no record",
            Action = "end", HeldBack = "brake" });
        Assert.Contains("left alone: brake", (await overture.Run("gc", "--apply", "--limit", "7")).Exit(1).Output,
            StringComparison.Ordinal);
        (await overture.Run("gc", "--apply", "--dry-run")).Exit(2);
        Assert.Equal([(false, 0), (true, 0), (true, 7)], overture.Conductor.Reconciles.Skip(before).Select(r => (r.Apply, r.Limit)));
        overture.Conductor.Findings.Clear();
    }

    private static string NewName() => TestIds.New().CertName().ToString();
}
