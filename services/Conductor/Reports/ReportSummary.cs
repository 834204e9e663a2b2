namespace Overture.Conductor.Reports;

/// <summary>What a report says that we care for (docs/puppet-contracts.md §6). Empty: absent.</summary>
internal sealed record ReportSummary
{
    public string Host { get; init; } = "";

    /// <summary>changed, unchanged or failed.</summary>
    public string Status { get; init; } = "";
    public string TransactionCompleted { get; init; } = "";
    public string TransactionUuid { get; init; } = "";
    public string Noop { get; init; } = "";
    public string CachedCatalogStatus { get; init; } = "";
    public string Environment { get; init; } = "";

    /// <summary>When the run began.</summary>
    public string Time { get; init; } = "";

    /// <summary>When its last line was logged, just before it was sent; null: it has none.</summary>
    public DateTimeOffset? LastLogged { get; init; }

    /// <summary>"true": resources that are noop by themselves would have changed.</summary>
    public string NoopPending { get; init; } = "";

    /// <summary>
    /// Resources of the catalog, without those that Puppet adds to each; also those that the report only counts, as they were in order.
    /// </summary>
    public int Resources { get; init; }

    /// <summary>How many of them were passed over: by tags, skip_tags, a schedule, or because one they depend on failed.</summary>
    public int Skipped { get; init; }

    /// <summary>The catalog has a schedule of its own, so skipping may be what it asks for.</summary>
    public bool HasSchedules { get; init; }

    /// <summary>A resource failed, or could not be restarted.</summary>
    public bool HasFailures { get; init; }

    /// <summary>Why it failed, what explains most first (<see cref="RunErrors"/>); at most three.</summary>
    public IReadOnlyList<string> Errors { get; init; } = [];
}
