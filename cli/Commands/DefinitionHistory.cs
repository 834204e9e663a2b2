using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>The versions of a node's definition, or of the layers.</summary>
internal static class DefinitionHistory
{
    /// <param name="session">Whose connection.</param>
    /// <param name="certname">Empty: of the layers.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Newest first.</returns>
    public static async Task<IReadOnlyList<HistoryEntry>> All(Session session, string certname, CancellationToken cancel)
    {
        var found = new List<HistoryEntry>();
        var request = new ListHistoryRequest { Certname = certname, PageSize = 500 };
        do
        {
            var page = await session.Classifier((c, o) => c.ListHistoryAsync(request, o), cancel);
            found.AddRange(page.Entries);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return found;
    }

    public static Action<Printer> Table(ListHistoryResponse answer) => p => p.Table(["ID", "AT", "KIND", "VERSION", "AUTHOR", "REASON"],
        answer.Entries.Select(e => new[] { e.Id, InstanceText.Time(e.At), e.Kind, NodeExplainVerb.Short(e.Version), e.Author, e.Reason }));

    /// <summary>The one entry whose id, or whose version, begins so.</summary>
    public static HistoryEntry Find(IReadOnlyList<HistoryEntry> all, string typed)
    {
        var matches = all.Where(e => e.Id == typed || e.Version.Trim('"').StartsWith(typed, StringComparison.Ordinal)).ToList();
        var documents = matches.Select(m => m.Document).Distinct(StringComparer.Ordinal).Count();
        return documents switch
        {
            1 => matches[0],
            0 => throw new Failure(ExitCodes.NotFound, $"there is no version {typed} in its history",
                "overture node history NAME, or overture layers history"),
            _ => throw Failure.Usage($"{typed} begins {documents} versions", "give the id of one, or more of the version"),
        };
    }
}
