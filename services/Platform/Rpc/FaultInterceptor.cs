using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Platform.Tls;
using Status = Google.Rpc.Status;

namespace Overture.Platform.Rpc;

/// <summary>
/// The only place where a fault becomes a gRPC status, with google.rpc details; everything else is INTERNAL and a trace id.
/// </summary>
public sealed class FaultInterceptor(ILogger<FaultInterceptor> log) : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Guard(() => continuation(request, context), context);

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
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
            throw Answer(StatusCode.Unavailable, Reason.ShuttingDown,
                "the service is shutting down; work that was begun is finished in the background or at its next start, try again", []);
        }
        catch (OperationCanceledException) when (CertificateTerm.Ended(context.GetHttpContext()) is not null)
        {
            throw Translate(CertificateTerm.Ended(context.GetHttpContext())!, context);
        }
        catch (Exception e) when (e is not RpcException && !Cancelled(e, context))
        {
            throw Translate(e, context);
        }
    }

    private static bool Cancelled(Exception e, ServerCallContext context) =>
        e is OperationCanceledException && context.CancellationToken.IsCancellationRequested;

    private RpcException Translate(Exception e, ServerCallContext context)
    {
        if (FaultException.Of(e) is { } fault)
        {
            // Internals are shown to administrators only; for others they are in the log.
            if (fault.PublicMessage == fault.Message || IsAdministrator(context))
                return Answer(CodeOf(fault.Kind), fault.Reason, fault.Message, fault.Fields);
            FaultLog.Withheld(log, context.Method, fault.Reason.Code(), fault.Message);
            return Answer(CodeOf(fault.Kind), fault.Reason, fault.PublicMessage, fault.Fields);
        }
        FaultLog.Unforeseen(log, context.Method, e);
        return Answer(StatusCode.Internal, Reason.Internal, $"internal error; its trace is {Activity.Current?.TraceId}", []);
    }

    private static bool IsAdministrator(ServerCallContext context) => context.GetHttpContext().Connection.ClientCertificate is not null
        && context.Peer().Roles.Contains(Role.Admin);

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
        return status.ToRpcException();
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
        FaultKind.Unreadable => StatusCode.DataLoss,
        _ => StatusCode.Internal,
    };
}

internal static partial class FaultLog
{
    [LoggerMessage(EventId = 1, EventName = "rpc.unforeseen", Level = LogLevel.Error, Message = "{Method} failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, string method, Exception exception);

    [LoggerMessage(EventId = 2, EventName = "rpc.failed", Level = LogLevel.Warning, Message = "{Method} failed with {Reason}: {Cause}")]
    public static partial void Withheld(ILogger logger, string method, string reason, string cause);
}
