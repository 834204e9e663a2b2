using Grpc.Core;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>How watching ended, and what each instance was then.</summary>
/// <param name="Instances">In the order asked for.</param>
/// <param name="TimedOut">The time given ran out first.</param>
internal sealed record Watched(IReadOnlyList<Instance> Instances, bool TimedOut)
{
    public bool Converged => Instances.All(i => i.State == InstanceState.Converged);
}

/// <summary>Follows instances over WatchInstances, and takes the stream up again where a restart of the Conductor broke it.</summary>
internal sealed class InstanceWatcher(Session session)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    public async Task<Watched> Follow(IReadOnlyList<Instance> start, bool untilSettled, TimeSpan limit, Action<Instance> report, CancellationToken cancel)
    {
        var latest = start.ToDictionary(i => i.Certname, i => i, StringComparer.Ordinal);
        var connection = session.Open("conductor", session.Config.Conductor);
        var client = new ConductorService.ConductorServiceClient(connection.Calls);
        var end = session.Clock.GetUtcNow() + limit;
        var heard = false;
        while (true)
        {
            try
            {
                var request = new WatchInstancesRequest { Certnames = { latest.Keys }, UntilSettled = untilSettled };
                using var stream = client.WatchInstances(request, new CallOptions(deadline: end.UtcDateTime, cancellationToken: cancel));
                while (await stream.ResponseStream.MoveNext(cancel))
                {
                    heard = true;
                    var instance = stream.ResponseStream.Current.Instance;
                    latest[instance.Certname] = instance;
                    report(instance);
                }
                return new Watched([.. latest.Values], TimedOut: false);
            }
            catch (RpcException e) when (cancel.IsCancellationRequested || e.StatusCode == StatusCode.Cancelled)
            {
                throw new OperationCanceledException("interrupted", e, cancel);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
            {
                return new Watched([.. latest.Values], TimedOut: true);
            }
            catch (RpcException e) when (heard && e.StatusCode == StatusCode.Unavailable && session.Clock.GetUtcNow() + Pause < end)
            {
                await Task.Delay(Pause, session.Clock, cancel);
            }
            catch (RpcException e)
            {
                throw RpcFailures.From(e, "conductor", connection.Address);
            }
        }
    }
}
