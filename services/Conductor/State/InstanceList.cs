using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.State;

/// <summary>Lists instances, newest first, from the last folds. The registry's index names those that another Conductor launched a moment ago.</summary>
internal sealed class InstanceList(InstanceIndex index, StateKeeper keeper, TimeProvider clock)
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
        // 1. a list that lacks some is none
        await Whole(cancel);
        await Newest(cancel);
        // 2. one more than the page, to know whether another follows
        var found = keeper.Memory.Take(after, size + 1, instance => Matches(instance, request));
        var response = new ListInstancesResponse { Instances = { found.Take(size).Select(k => k.Instance) } };
        if (found.Count > size)
            response.NextPageToken = PageToken.Write(new Place(found[size - 1].Instance.CreatedAt.ToDateTimeOffset().ToUnixTimeMilliseconds(), found[size - 1].Name), request);
        return response;
    }

    private async Task Whole(CancellationToken cancel)
    {
        try
        {
            await keeper.FirstLook.WaitAsync(Patience, clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.Starting,
                $"the Conductor has just started and has read {keeper.Count} instances so far; the list is there when it has read them all. Single instances can be shown now");
        }
    }

    private async Task Newest(CancellationToken cancel)
    {
        try
        {
            if (await index.Count() <= keeper.Count)
                return;
            foreach (var (name, _) in await index.Page(null, DefaultPage))
            {
                if (CertName.TryParse(name, out var certname, out _) && keeper.Current(certname) is null)
                    await keeper.Refold(certname, cancel);
            }
        }
        catch (FaultException)
        {
            // the registry or the store is away: as last seen
        }
        catch (InvalidDataException)
        {
            // a damaged record; the sweep reports it
        }
    }

    private static bool Matches(Instance instance, ListInstancesRequest filter) =>
        (filter.State == InstanceState.Unspecified
            ? filter.ShowTerminated || instance.State != InstanceState.Terminated
            : instance.State == filter.State)
        && (filter.Profile.Length == 0 || instance.Profile == filter.Profile);
}
