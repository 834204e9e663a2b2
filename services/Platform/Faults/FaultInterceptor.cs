using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using Overture.Platform.Serving;
using Overture.Platform.Records;
using Status = Google.Rpc.Status;

namespace Overture.Platform.Faults;

/// <summary>The one place where a fault becomes a gRPC status, with google.rpc details; everything else is INTERNAL and a trace id.</summary>
public sealed class FaultInterceptor(ILogger<FaultInterceptor> log) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Guard(() => continuation(request, context), context);

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(() => continuation(requestStream, context), context);

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(async () =>
        {
            await continuation(request, responseStream, context);
            return true;
        }, context);

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(async () =>
        {
            await continuation(requestStream, responseStream, context);
            return true;
        }, context);

    private async Task<T> Guard<T>(Func<Task<T>> call, ServerCallContext context)
    {
        try
        {
            return await call();
        }
        catch (OperationCanceledException) when (Drain.Ended(context.GetHttpContext()))
        {
            throw Answer(StatusCode.Unavailable, Reason.ShuttingDown, "the service is being stopped; what was begun goes on without it or at its next start, try again", []);
        }
        catch (Exception e) when (e is not RpcException && !Cancelled(e, context))
        {
            throw Translate(e, context.Method);
        }
    }

    private static bool Cancelled(Exception e, ServerCallContext context) =>
        e is OperationCanceledException && context.CancellationToken.IsCancellationRequested;

    private RpcException Translate(Exception e, string method)
    {
        if (e is FaultException fault)
            return Answer(CodeOf(fault.Kind), fault.Reason, fault.Message, fault.Fields);
        FaultLog.Unforeseen(log, method, e);
        return Answer(StatusCode.Internal, Reason.Internal, $"internal error; its trace is {Activity.Current?.TraceId}", []);
    }

    private static RpcException Answer(StatusCode code, Reason reason, string message, IReadOnlyList<FieldProblem> fields)
    {
        var info = new ErrorInfo { Reason = reason.Code(), Domain = "overture" };
        if (Activity.Current is { } activity)
            info.Metadata["trace_id"] = activity.TraceId.ToString();
        var status = new Status { Code = (int)code, Message = message, Details = { Any.Pack(info) } };
        if (fields.Count > 0)
        {
            status.Details.Add(Any.Pack(new BadRequest
            {
                FieldViolations = { fields.Select(f => new BadRequest.Types.FieldViolation { Field = f.Field, Description = f.Rule }) },
            }));
        }
        if (code == StatusCode.Unavailable)
            status.Details.Add(Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)) }));
        return new RpcException(new Grpc.Core.Status(code, message), new Metadata { { "grpc-status-details-bin", Google.Protobuf.MessageExtensions.ToByteArray(status) } });
    }

    private static StatusCode CodeOf(FaultKind kind) => kind switch
    {
        FaultKind.Invalid => StatusCode.InvalidArgument,
        FaultKind.NotFound => StatusCode.NotFound,
        FaultKind.AlreadyExists => StatusCode.AlreadyExists,
        FaultKind.Denied => StatusCode.PermissionDenied,
        FaultKind.Precondition => StatusCode.FailedPrecondition,
        FaultKind.Conflict => StatusCode.Aborted,
        FaultKind.TooLarge => StatusCode.ResourceExhausted,
        FaultKind.Unavailable => StatusCode.Unavailable,
        _ => StatusCode.Internal,
    };
}

internal static partial class FaultLog
{
    [LoggerMessage(EventId = 1, EventName = "rpc.unforeseen", Level = LogLevel.Error, Message = "{Method} failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, string method, Exception exception);
}
