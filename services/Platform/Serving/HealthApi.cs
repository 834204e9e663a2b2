using Grpc.Core;
using Grpc.Health.V1;
using Overture.Platform.Faults;
using Status = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.Platform.Serving;

/// <summary>
/// The standard gRPC health service. "" and the names of the services ask whether this replica should get requests; "liveness" whether the
/// process answers at all, whatever its dependencies do.
/// </summary>
public sealed class HealthApi(ServingState state, Drain drain, ServedServices served, TimeProvider clock) : Grpc.Health.V1.Health.HealthBase
{
    public const string Liveness = "liveness";

    /// <summary>Trailer of Check: what is wrong, in a sentence; absent where nothing is.</summary>
    public const string Why = "overture-why";

    public override async Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
    {
        if (!Known(request.Service))
            throw new Faults.FaultException(Faults.FaultKind.NotFound, Faults.Reason.NotFound, $"no service {request.Service} here");
        var (status, why) = await Now(request.Service, context.CancellationToken);
        if (why.Length > 0)
            context.ResponseTrailers.Add(Why, HeaderText(why));
        return new HealthCheckResponse { Status = status };
    }

    /// <summary>A message per change, until the process shuts down: then the last one.</summary>
    public override async Task Watch(HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream,
        ServerCallContext context)
    {
        var said = Status.Unknown;
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(2), clock);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, drain.Begun);
        while (true)
        {
            var last = drain.Begun.IsCancellationRequested;
            var now = Known(request.Service) ? (await Now(request.Service, context.CancellationToken)).Status : Status.ServiceUnknown;
            if (now != said)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = said = now });
            if (last)
                return;
            try
            {
                await timer.WaitForNextTickAsync(waiting.Token);
            }
            catch (OperationCanceledException) when (!context.CancellationToken.IsCancellationRequested)
            {
                // the end has begun
            }
        }
    }

    private bool Known(string service) => service is "" or Liveness || served.Descriptors.Any(d => d.FullName == service);

    private async Task<(Status Status, string Why)> Now(string service, CancellationToken cancel)
    {
        if (service == Liveness)
            return (Status.Serving, "");
        var (ready, why) = await state.Now(cancel);
        return (ready ? Status.Serving : Status.NotServing, why);
    }

    // A header takes printable ASCII, and a proxy only so much of it.
    private static string HeaderText(string why) => string.Concat(why.Take(500).Select(c => c is >= ' ' and <= '~' ? c : '?'));
}
