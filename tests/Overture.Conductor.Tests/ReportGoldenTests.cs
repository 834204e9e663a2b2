using Overture.Conductor.Reports;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What becomes of the reports that agents of each version wrote (testdata/reports, with a README).</summary>
public sealed class ReportGoldenTests
{
    private static readonly string Root = RepositoryPaths.File("tests/Overture.Conductor.Tests/testdata/reports");

    // Both word everything alike.
    private static readonly (string File, string Outcome, string Sentence)[] Since8 =
    [
        ("whole", "Converged", "the first good run was reported (changed)"),
        ("unchanged", "Converged", "the first good run was reported (unchanged)"),
        ("corrective", "Converged", "the first good run was reported (changed)"),
        ("partial-tags", "Partial", "it skipped 2 of 2 resources, as with --tags, --skip_tags or a schedule"),
        ("partial-skip-tags", "Partial", "it skipped 1 of 2 resources, as with --tags, --skip_tags or a schedule"),
        ("partial-noop-resource", "Partial", "resources with noop => true are not as they are to be, and were left so"),
        ("noop", "Partial", "it was a noop run, which applies nothing"),
        ("other-environment", "Failed", "it ran in environment other, not in production"),
        ("failed-resource", "Failed",
            "the run failed: File[/srv/none/one]: change from 'absent' to 'file' failed: Could not set 'file' on "),
        ("failed-to-restart", "Failed",
            "the run failed: Exec[reload]: Failed to call refresh: '/bin/false' returned 1 instead of one of [0] (/srv/restart.pp:1)"),
        // That there is a schedule is not in it: resources in order are left out.
        ("schedule", "Partial", "it skipped 1 of 3 resources, as with --tags, --skip_tags or a schedule"),
        ("schedule-all-reported", "Converged", "the first good run was reported (unchanged)"),
    ];

    private static readonly (string File, string Outcome, string Sentence)[] Of7 =
    [
        ("whole", "Converged", "the first good run was reported (changed)"),
        ("partial-tags", "Partial", "it skipped 4 of 4 resources, as with --tags, --skip_tags or a schedule"),
        ("partial-skip-tags", "Partial", "it skipped 3 of 4 resources, as with --tags, --skip_tags or a schedule"),
        ("partial-noop-resource", "Partial", "resources with noop => true are not as they are to be, and were left so"),
        ("failed-resources", "Failed", "the run failed: File[/nonexistent/dir/file]: change from 'absent' to 'file' failed: "),
        ("cycle", "Failed", "the run failed: Found 1 dependency cycle: (Notify[a] => Notify[b] => Notify[a])"),
        ("no-node-statement", "Failed", "the run failed: Could not retrieve catalog from remote server: Error 500 on SERVER: "),
    ];

    private static readonly (string Agent, (string File, string Outcome, string Sentence)[] Reports)[] All =
        [("7.23.0", Of7), ("8.10.0", Since8), ("openvox-9.0.0-rc1", Since8)];

    public static TheoryData<string, string, string, string> Reports()
    {
        var rows = new TheoryData<string, string, string, string>();
        foreach (var (agent, reports) in All)
        {
            foreach (var (file, outcome, sentence) in reports)
                rows.Add(agent, file, outcome, sentence);
        }
        return rows;
    }

    [Theory]
    [MemberData(nameof(Reports))]
    public void Verdict_OfAReportByARealAgent_IsWhatTheRunWas(string agent, string file, string expected, string sentence)
    {
        using var report = File.OpenRead(Path.Combine(Root, agent, $"{file}.yaml"));
        var verdict = ReportVerdict.Of(ReportReader.Read(report), "production");
        Assert.Equal(expected, verdict.Outcome.ToString());
        Assert.StartsWith(sentence, verdict.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Reports_EachFile_HasAnExpectedOutcome() =>
        Assert.Equal(
            Directory.EnumerateFiles(Root, "*.yaml", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f))
                .Order(StringComparer.Ordinal),
            All.SelectMany(a => a.Reports.Select(r => $"{a.Agent}/{r.File}.yaml")).Order(StringComparer.Ordinal));
}
