using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.Documents;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Classifier.Classification;

/// <summary>
/// Lists definitions by certname, each with what it would be classified by. There may be 100,000: a page looks at a limited number,
/// whatever the filter, and reads the history of those alone that are in it.
/// </summary>
internal sealed class ListDefinitions(ObjectStore store, NodeStore nodes, NodeCache cache, ClassifyNode classify)
{
    private const int UsualPage = 50, LargestPage = 500, Batch = 128, MostLookedAt = 2_000, AtOnce = 16;

    public async Task<ListDefinitionsResponse> Page(ListDefinitionsRequest request, CancellationToken cancel)
    {
        if (request.PageSize is < 0 or > LargestPage)
            throw FaultException.Invalid("page_size", $"must be 1-{LargestPage}; 0 means {UsualPage}");
        if (request.Prefix.Length > 64
            || request.Prefix.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('-' or '_' or '.')))
        {
            throw FaultException.Invalid("prefix", "must be the beginning of a certname: at most 64 of a-z, 0-9, '-', '_' and '.'");
        }
        var size = request.PageSize == 0 ? UsualPage : request.PageSize;
        var after = DefinitionPageToken.Read(request);
        var isFiltered = request.ProblemsOnly || request.Environment.Length > 0;
        var response = new ListDefinitionsResponse();

        // 1. names in their order, some at once, until the page is full or enough were looked at
        await using var names = Names(request.Prefix, after, cancel).GetAsyncEnumerator(cancel);
        var (more, looked, last) = (await names.MoveNextAsync(), 0, default(CertName));
        while (more && response.Definitions.Count < size && looked < MostLookedAt)
        {
            var batch = new List<CertName>();
            var most = isFiltered ? Batch : Math.Min(Batch, size - response.Definitions.Count);
            for (; more && batch.Count < most; more = await names.MoveNextAsync())
                batch.Add(names.Current);
            var summaries = await EachOf(batch, Look, cancel);
            var taken = 0;
            for (; taken < batch.Count && response.Definitions.Count < size; taken++)
            {
                last = batch[taken];
                if (summaries[taken] is { } summary && IsWanted(summary, request))
                    response.Definitions.Add(summary);
            }
            looked += batch.Count;
            more |= taken < batch.Count;
        }

        // 2. who wrote them
        await EachOf(response.Definitions, Sign, cancel);
        if (more)
            response.NextPageToken = DefinitionPageToken.Write(last, request);
        return response;
    }

    private static bool IsWanted(DefinitionSummary summary, ListDefinitionsRequest filter) =>
        (!filter.ProblemsOnly || summary.Problems.Count > 0)
        && (filter.Environment.Length == 0 || summary.Environment == filter.Environment);

    private async IAsyncEnumerable<CertName> Names(string prefix, CertName? after, [EnumeratorCancellation] CancellationToken cancel)
    {
        var begin = ObjectKeys.Nodes + prefix;
        // '~' comes behind all that a key may have in it, so this is behind every key that is before the prefix.
        var from = after is { } last ? ObjectKeys.Node(last) : prefix.Length == 0 ? null : $"{begin[..^1]}{(char)(begin[^1] - 1)}~";
        await foreach (var key in store.List(ObjectKeys.Nodes, from, cancel))
        {
            if (!key.StartsWith(begin, StringComparison.Ordinal))
                yield break;
            if (CertName.TryParse(key[ObjectKeys.Nodes.Length..], out var name, out _))
                yield return name;
        }
    }

    private async Task<DefinitionSummary?> Look(CertName name, CancellationToken cancel)
    {
        try
        {
            var entry = await cache.Read(name, cancel);
            return entry.Own.StoredVersion.Length == 0 ? null : await Summary(name, entry, cancel);
        }
        catch (Exception e) when (FaultException.Of(e) is { Kind: not FaultKind.Unavailable } fault)
        {
            // The launch record or a block can't be read.
            return await Unclassified(name, fault.Message, cancel);
        }
    }

    private async Task<DefinitionSummary> Summary(CertName name, NodeEntry entry, CancellationToken cancel)
    {
        var summary = new DefinitionSummary
        {
            Certname = name.ToString(),
            Version = entry.Own.StoredVersion,
            UpdatedAt = entry.Own.UpdatedAt.ToTimestamp(),
        };
        try
        {
            var (versions, layers) = await classify.Documents(name, entry, cancel);
            foreach (var layer in layers)
            {
                summary.Layers.Add(layer.Name);
                if (layer.Content.SetsEnvironment || summary.Environment.Length == 0)
                    summary.Environment = layer.Content.Environment;
            }
            if (versions.Broken.Length > 0)
                summary.Problems.Add(versions.Broken);
        }
        catch (FaultException e) when (e.Kind != FaultKind.Unavailable)
        {
            summary.Problems.Add(e.Message);
        }
        return summary;
    }

    private async Task<DefinitionSummary?> Unclassified(CertName name, string problem, CancellationToken cancel)
    {
        var summary = new DefinitionSummary { Certname = name.ToString(), Problems = { problem } };
        try
        {
            if (await nodes.Find(name, cancel) is not { } stored)
                return null;
            (summary.Version, summary.UpdatedAt) = (stored.ETag, stored.UpdatedAt.ToTimestamp());
        }
        catch (UnreadableObjectException e)
        {
            summary.Version = e.Version;
            summary.Problems.Add(e.Message);
        }
        return summary;
    }

    private async Task<DefinitionSummary> Sign(DefinitionSummary summary, CancellationToken cancel)
    {
        var history = ObjectKeys.HistoryOf(CertName.Parse(summary.Certname));
        summary.Author = await HistoryEntries.Author(store, history, summary.Version, cancel);
        return summary;
    }

    private static async Task<TResult[]> EachOf<T, TResult>(IReadOnlyList<T> all, Func<T, CancellationToken, Task<TResult>> work,
        CancellationToken cancel)
    {
        var results = new TResult[all.Count];
        await Parallel.ForAsync(0, all.Count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (i, stop) => results[i] = await work(all[i], stop));
        return results;
    }
}
