using Grpc.Core;
using Overture.Conductor.Events;
using Overture.Conductor.V1;
using Overture.Conductor.Webhooks;
using Overture.Platform.Rpc;

namespace Overture.Conductor.Api;

/// <summary>Events as they come, and those that no webhook took.</summary>
internal sealed class EventsApi(WatchEvents events, DeadLetterActs letters) : ConductorService.ConductorServiceBase
{
    public override Task WatchEvents(WatchEventsRequest request, IServerStreamWriter<WatchEventsResponse> responseStream,
        ServerCallContext context) => events.Run(request, e => responseStream.WriteAsync(e), context.CancellationToken);

    public override Task<ListDeadLettersResponse> ListDeadLetters(ListDeadLettersRequest request, ServerCallContext context) =>
        letters.List(request, context.CancellationToken);

    public override Task<ReplayDeadLettersResponse> ReplayDeadLetters(ReplayDeadLettersRequest request, ServerCallContext context) =>
        letters.Replay(context.Peer().Caller, request, context.DeadlineOfCall(), context.CancellationToken);

    public override Task<DeleteDeadLettersResponse> DeleteDeadLetters(DeleteDeadLettersRequest request, ServerCallContext context) =>
        letters.Delete(context.Peer().Caller, request, context.DeadlineOfCall(), context.CancellationToken);
}
