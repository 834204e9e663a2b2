using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Instances;

/// <summary>
/// Lists instances, newest first, from their last states. The registry's index names those that another Conductor launched a moment ago.
/// </summary>
internal sealed class InstanceList(InstanceIndex index, InstanceTable table, TimeProvider clock)
{
    private const int DefaultPage = 50, LargestPage = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public async Task<ListInstancesResponse> Page(ListInstancesRequest request, CancellationToken cancel)
    {
        if (request.PageSize is < 0 or > LargestPage)
            throw FaultException.Invalid("page_size", $"must be 1-{LargestPage}; 0 means {DefaultPage}");
        if (!Enum.IsDefined(request.State))
            throw FaultException.Invalid("state", "is not a state");
        var size = request.PageSize == 0 ? DefaultPage : request.PageSize;
        var after = PageToken.Read(request);
        // 1. refuse an incomplete list
        await Whole(cancel);
        await Newest(cancel);
        // 2. one more than the page, to know whether another follows
        var found = table.Rows.Take(after, size + 1, row => Matches(row, request));
        var response = new ListInstancesResponse { Instances = { found.Take(size).Select(r => r.Instance()) } };
        if (found.Count > size)
            response.NextPageToken = PageToken.Write(found[size - 1].Place, request);
        return response;
    }

    private async Task Whole(CancellationToken cancel)
    {
        try
        {
            await table.FirstLook.WaitAsync(Patience, clock, cancel);
        }
        catch (TimeoutException)
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

    private static bool Matches(InstanceRow row, ListInstancesRequest filter) =>
        (filter.State == InstanceState.Unspecified
            ? filter.ShowTerminated || row.State != InstanceState.Terminated
            : row.State == filter.State)
        && (filter.Profile.Length == 0 || row.Profile == filter.Profile);
}
