using Grpc.Core.Interceptors;

namespace Overture.Compat.Tests.Interceptors;

/// <summary>Notes when each shape of call goes in and comes out on the server.</summary>
internal abstract class RecordingServerInterceptor(string name, ServerObservations seen) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        context.UserState[name] = true;
        seen.Steps.Enqueue($"{name} in");
        var response = await continuation(request, context);
        seen.Steps.Enqueue($"{name} out, {context.UserState.Count} in state");
        return response;
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        seen.Steps.Enqueue($"{name} client stream");
        return await continuation(requestStream, context);
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        seen.Steps.Enqueue($"{name} server stream");
        await continuation(request, responseStream, context);
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        seen.Steps.Enqueue($"{name} duplex");
        await continuation(requestStream, responseStream, context);
    }
}

internal sealed class OuterInterceptor(ServerObservations seen) : RecordingServerInterceptor("outer", seen);

internal sealed class InnerInterceptor(ServerObservations seen) : RecordingServerInterceptor("inner", seen);

/// <summary>Overrides nothing, so that the default of every shape is what runs.</summary>
internal sealed class PassingInterceptor : Interceptor;

/// <summary>Refuses every unary call before the handler sees it.</summary>
internal sealed class RefusingInterceptor : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        throw new RpcException(new Status(StatusCode.PermissionDenied, "refused"));
}
