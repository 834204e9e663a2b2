using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.State;

/// <summary>Lists instances, newest first: from the registry's index, or from the store while that is away or incomplete.</summary>
internal sealed class InstanceList(InstanceIndex index, StateKeeper keeper)
{
    private const int DefaultPage = 50, LargestPage = 500;

    public async Task<ListInstancesResponse> Page(ListInstancesRequest request, CancellationToken cancel)
    {
        if (request.PageSize is < 0 or > LargestPage)
            throw FaultException.Invalid("page_size", $"must be 1-{LargestPage}; 0 means {DefaultPage}");
        if (!Enum.IsDefined(request.State))
            throw FaultException.Invalid("state", "is not a state");
        var size = request.PageSize == 0 ? DefaultPage : request.PageSize;
        var after = PageToken.Read(request);
        // One more than the page, to know whether another follows.
        var found = await FromIndex(request, after, size + 1, cancel) ?? await FromStore(request, after, size + 1, cancel);
        var response = new ListInstancesResponse { Instances = { found.Take(size) } };
        if (found.Count > size)
            response.NextPageToken = Key(found[size - 1]).Write(request);
        return response;
    }

    private async Task<List<Instance>?> FromIndex(ListInstancesRequest filter, PageToken? after, int count, CancellationToken cancel)
    {
        try
        {
            // Fewer than we know of: the registry was emptied, and is being filled again.
            if (!keeper.SeenAll || await index.Count() < keeper.All.Count)
                return null;
            var found = new List<Instance>();
            var from = after is null ? ((string, long)?)null : (after.Certname, after.LaunchedMs);
            while (found.Count < count)
            {
                var keys = await index.Page(from, count);
                var texts = await index.Read(keys.Select(k => k.Certname));
                foreach (var (key, text) in keys.Zip(texts))
                {
                    var instance = text is not null ? RecordJson.Read<Instance>(text) : await keeper.Refold(CertName.Parse(key.Certname), cancel);
                    if (instance is not null && Matches(instance, filter))
                        found.Add(instance);
                }
                if (keys.Count < count)
                    break;
                from = keys[^1];
            }
            return found;
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            return null;
        }
    }

    private async Task<List<Instance>> FromStore(ListInstancesRequest filter, PageToken? after, int count, CancellationToken cancel)
    {
        var all = new List<Instance>();
        foreach (var name in await keeper.Names(cancel))
        {
            try
            {
                if ((keeper.Current(name) ?? await keeper.Refold(name, cancel)) is { } instance && Matches(instance, filter))
                    all.Add(instance);
            }
            catch (InvalidDataException)
            {
                // a damaged record; the sweep reports it
            }
        }
        return all.Where(i => after is null || Compare(Key(i), after) > 0).Order(Comparer<Instance>.Create((a, b) => Compare(Key(a), Key(b)))).Take(count).ToList();
    }

    // Newest first, then by name downwards: as the index orders.
    private static int Compare(PageToken a, PageToken b) =>
        a.LaunchedMs != b.LaunchedMs ? b.LaunchedMs.CompareTo(a.LaunchedMs) : string.CompareOrdinal(b.Certname, a.Certname);

    private static PageToken Key(Instance instance) => new(instance.Certname, instance.CreatedAt.ToDateTimeOffset().ToUnixTimeMilliseconds());

    private static bool Matches(Instance instance, ListInstancesRequest filter) =>
        (filter.State == InstanceState.Unspecified
            ? filter.ShowTerminated || instance.State != InstanceState.Terminated
            : instance.State == filter.State)
        && (filter.Profile.Length == 0 || instance.Profile == filter.Profile);
}
