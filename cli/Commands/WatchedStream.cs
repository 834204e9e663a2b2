using Grpc.Core;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// What the Conductor streams, taken up again where it broke: a restart of the Conductor, a network or a host that stalled.
/// </summary>
/// <param name="session">Whose Conductor.</param>
/// <param name="end">When the time given is over.</param>
/// <param name="answered">As of <see cref="Reconnection"/>.</param>
/// <param name="say">Gets what becomes of the connection, in sentences.</param>
internal sealed class WatchedStream(Session session, DateTimeOffset end, bool answered, Action<string> say)
{
    /// <param name="open">Begins the stream; after a break once more, from what was taken by then.</param>
    /// <param name="take">Gets each answer.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>False: the time given ran out first.</returns>
    /// <exception cref="Failure">The Conductor refuses, or can't be reached any more.</exception>
    public async Task<bool> Follow<T>(Func<ConductorService.ConductorServiceClient, CallOptions, AsyncServerStreamingCall<T>> open,
        Action<T> take, CancellationToken cancel)
    {
        var connection = session.Open("conductor", session.Config.Conductor);
        var client = new ConductorService.ConductorServiceClient(connection.Calls);
        var reconnection = new Reconnection(session.Clock, answered, end, say);
        while (true)
        {
            try
            {
                using var stream = open(client, new CallOptions(deadline: end.UtcDateTime, cancellationToken: cancel));
                while (await stream.ResponseStream.MoveNext(cancel))
                {
                    reconnection.Succeeded();
                    take(stream.ResponseStream.Current);
                }
                return true;
            }
            catch (RpcException e) when (cancel.IsCancellationRequested)
            {
                throw new OperationCanceledException("interrupted", e, cancel);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
            {
                return false;
            }
            catch (RpcException e)
            {
                var failure = RpcFailures.From(e, "conductor", connection.Address);
                if (!await reconnection.Wait(e, failure, cancel))
                    throw failure;
            }
        }
    }
}
