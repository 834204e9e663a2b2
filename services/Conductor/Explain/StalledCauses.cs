namespace Overture.Conductor.Explain;

/// <summary>Why an instance that has its certificate does not converge, by what is missing (RunConditions' own words). Pure.</summary>
internal static class StalledCauses
{
    private static readonly KnownCause[] Table =
    [
        new("CATALOG_NOT_ASKED", "it has had its certificate for long, and no puppetserver asked what it is to become",
            "On the node: puppet agent --test shows whether it reaches the puppetserver; there: overture doctor --puppetserver",
            "no puppetserver asked for its classification"),
        new("REPORT_MISSING", "it was classified, and no report of a run has come",
            "On the puppetserver: overture doctor --puppetserver shows where reports go; on the node: report must not be false",
            "no good run was reported, though it was classified"),
    ];

    /// <summary>Where no line of the timeline says that the agent fetched its certificate.</summary>
    public static KnownCause NotCollected { get; } = new("CERTIFICATE_NOT_COLLECTED",
        "its certificate was signed, and its agent has never fetched it",
        "overture instance console NAME: an agent that waits for its certificate asks again every two minutes; see that it runs and "
            + "reaches ca_server");

    /// <param name="message">Of the condition.</param>
    /// <returns>Null: no known one.</returns>
    public static KnownCause? Of(string message) => KnownCause.Find(Table, message);

    /// <summary>Every one, for the documentation.</summary>
    public static IEnumerable<KnownCause> All => Table.Append(NotCollected);
}
