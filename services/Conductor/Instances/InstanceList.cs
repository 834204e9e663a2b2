using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Instances;

/// <summary>
/// Lists instances, in the order of their launches, from their last states. The registry's index names those that another Conductor
/// launched a moment ago.
/// </summary>
internal sealed class InstanceList(InstanceIndex index, InstanceTable table, TimeProvider clock)
{
    private const int DefaultPage = 50, LargestPage = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task<ListInstancesResponse> Page(ListInstancesRequest request, CancellationToken cancel)
    {
        if (request.PageSize is < 0 or > LargestPage)
            throw FaultException.Invalid("page_size", $"must be 1-{LargestPage}; 0 means {DefaultPage}");
        if (!Enum.IsDefined(request.Order))
            throw FaultException.Invalid("order", "is not an order");
        var size = request.PageSize == 0 ? DefaultPage : request.PageSize;
        var query = InstanceQuery.Of(request);
        var after = PageToken.Read(request, query);
        // 1. refuse an incomplete list
        await Complete(cancel);
        // 2. one more than the page, to know whether another follows
        var found = table.Rows.Take(after, size + 1, query.Matches, request.Order == InstanceOrder.OldestFirst, query.MayMatch);
        var response = new ListInstancesResponse { Instances = { found.Take(size).Select(r => r.Instance()) } };
        if (found.Count > size)
            response.NextPageToken = PageToken.Write(found[size - 1].Place, request, query);
        return response;
    }

    /// <summary>Ends once every instance is known that was launched before, here or by another Conductor.</summary>
    /// <exception cref="FaultException">STARTING: that will take a while.</exception>
    public async Task Complete(CancellationToken cancel)
    {
        try
        {
            await table.FirstLook.WaitAsync(Patience, clock, cancel);
        }
        catch (TimeoutException)
        {
            DemandWhole();
        }
        await Newest(cancel);
    }

    /// <exception cref="FaultException">STARTING: not every instance was looked at since the start.</exception>
    public void DemandWhole()
    {
        if (!table.SeenAll)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.Starting,
                $"the Conductor has just started and has read {table.Rows.Count} instances so far; the list is available once it has "
                    + "read them all. Single instances can be shown now");
        }
    }

    private async Task Newest(CancellationToken cancel)
    {
        try
        {
            if (await index.Count() <= table.Rows.Count)
                return;
            foreach (var (name, _) in await index.Page(null, DefaultPage))
            {
                if (CertName.TryParse(name, out var certname, out _) && table.Rows.Find(certname) is null)
                    await table.Refold(certname, cancel);
            }
        }
        catch (FaultException)
        {
            // the registry or the store is away: as last seen
        }
        catch (UnreadableObjectException)
        {
            // a damaged record; the sweep reports it
        }
    }
}
