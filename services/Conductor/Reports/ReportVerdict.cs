namespace Overture.Conductor.Reports;

/// <summary>What a run came to.</summary>
internal enum RunOutcome
{
    /// <summary>A good run: the node is what it was to become.</summary>
    Converged,
    Failed,
    /// <summary>It applied nothing, or not all of the catalog: no good run, and no failed one.</summary>
    Partial,
    /// <summary>Says nothing.</summary>
    Ignored,
}

/// <summary>
/// Converged means: changed or unchanged, completed, not noop, fresh catalog, expected environment, and every resource was applied
/// (docs/puppet-contracts.md §6). Pure.
/// </summary>
internal sealed record ReportVerdict(RunOutcome Outcome, string Sentence)
{
    private const int LongestCause = 300;

    /// <param name="report">The run's.</param>
    /// <param name="expectedEnvironment">The one it was classified into.</param>
    /// <param name="failedBefore">A run of it failed before: what that one applied by a schedule may be skipped in this one.</param>
    public static ReportVerdict Of(ReportSummary report, string expectedEnvironment, bool failedBefore = false)
    {
        if (report.Status is not ("changed" or "unchanged" or "failed"))
            return new(RunOutcome.Ignored, "a report without a known status");
        if (report.Status == "failed" || report.HasFailures)
            return Failed(report, "the run failed");
        if (report.TransactionCompleted == "false")
            return Failed(report, "the run was not completed");
        if (report.Noop == "true")
            return new(RunOutcome.Partial, "it was a noop run, which applies nothing");
        if (report.CachedCatalogStatus == "on_failure")
            return Failed(report, "the catalog did not compile and an old one was applied");
        if (report.CachedCatalogStatus is not ("" or "not_used"))
            return new(RunOutcome.Partial, "it applied a cached catalog, not the present one");
        if (report.Environment != expectedEnvironment)
            return new(RunOutcome.Failed, Plain($"it ran in environment {report.Environment}, not in {expectedEnvironment}"));
        // Schedules may ask for it, Puppet's own too (daily) once they were kept to; not for all of it.
        if (report.Skipped > 0 && (report.Skipped == report.Resources || !(report.HasSchedules || failedBefore)))
        {
            return new(RunOutcome.Partial,
                $"it skipped {report.Skipped} of {report.Resources} resources, as with --tags, --skip_tags or a schedule");
        }
        if (report.NoopPending == "true")
            return new(RunOutcome.Partial, "resources with noop => true are not as they are to be, and were left so");
        return new(RunOutcome.Converged, $"the first good run was reported ({report.Status})");
    }

    private static ReportVerdict Failed(ReportSummary report, string what) =>
        new(RunOutcome.Failed, report.Errors.Count > 0 ? $"{what}: {string.Join("; also: ", report.Errors.Select(Plain))}" : what);

    // One line of printable text, short enough for a timeline.
    private static string Plain(string text)
    {
        var line = string.Concat(text.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? ' ' : c)).Trim();
        return line.Length <= LongestCause ? line : line[..LongestCause] + "…";
    }
}
