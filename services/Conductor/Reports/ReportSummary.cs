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

    /// <summary>Why it failed, what explains most first (<see cref="RunErrors"/>); at most three.</summary>
    public IReadOnlyList<string> Errors { get; init; } = [];
}
