using System.Diagnostics;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Serving;
using Overture.Platform.Tls;
using Status = Grpc.Core.Status;

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
        catch (OperationCanceledException) when (JsonDeadline.IsOver(context.GetHttpContext()))
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, JsonDeadline.Sentence));
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
                return Answer(FaultStatus.CodeOf(fault.Kind), fault.Reason, fault.Message, fault.Fields);
            FaultLog.Withheld(log, context.Method, fault.Reason.Code(), fault.Message);
            return Answer(FaultStatus.CodeOf(fault.Kind), fault.Reason, fault.PublicMessage, fault.Fields);
        }
        FaultLog.Unforeseen(log, context.Method, e);
        return Answer(StatusCode.Internal, Reason.Internal, $"internal error; its trace is {Activity.Current?.TraceId}", []);
    }

    private static bool IsAdministrator(ServerCallContext context) => context.GetHttpContext().Connection.ClientCertificate is not null
        && context.Peer().Roles.Contains(Role.Admin);

    private static RpcException Answer(StatusCode code, Reason reason, string message, IReadOnlyList<FieldProblem> fields) =>
        FaultStatus.Of(code, reason, message, fields).ToRpcException();
}

internal static partial class FaultLog
{
    [LoggerMessage(EventId = 1, EventName = "rpc.unforeseen", Level = LogLevel.Error, Message = "{Method} failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, string method, Exception exception);

    [LoggerMessage(EventId = 2, EventName = "rpc.failed", Level = LogLevel.Warning, Message = "{Method} failed with {Reason}: {Cause}")]
    public static partial void Withheld(ILogger logger, string method, string reason, string cause);
}
