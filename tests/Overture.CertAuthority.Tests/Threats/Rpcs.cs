using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Net.Client;
using Overture.CertAuthority.V1;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Every RPC of CertAuthority, from its descriptor: an RPC that is added later is in each matrix by itself.</summary>
internal static class Rpcs
{
    public static IReadOnlyList<MethodDescriptor> All { get; } = [.. CertAuthorityService.Descriptor.Methods];

    /// <summary>Calls it with an empty message.</summary>
    public static async Task Call(GrpcChannel channel, MethodDescriptor rpc, Metadata? headers = null)
    {
        var bytes = Marshallers.Create<byte[]>(b => b, b => b);
        var method = new Method<byte[], byte[]>(
            rpc.IsServerStreaming ? MethodType.ServerStreaming : MethodType.Unary, rpc.Service.FullName, rpc.Name, bytes, bytes);
        var options = new CallOptions(headers, TimeProvider.System.GetUtcNow().AddSeconds(60).UtcDateTime);
        if (rpc.IsServerStreaming)
        {
            using var stream = channel.CreateCallInvoker().AsyncServerStreamingCall(method, null, options, []);
            await stream.ResponseStream.MoveNext(default);
            return;
        }
        using var call = channel.CreateCallInvoker().AsyncUnaryCall(method, null, options, []);
        await call;
    }
}
