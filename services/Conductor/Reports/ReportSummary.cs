namespace Overture.Conductor.Reports;

/// <summary>What a report says that we care for (puppet-contracts §6). Empty: absent.</summary>
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

    /// <summary>The first log line of level err or worse.</summary>
    public string FirstError { get; init; } = "";
}
