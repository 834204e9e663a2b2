using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Overture.TestSupport;

/// <summary>The google.rpc details of an error, as a client reads them.</summary>
public sealed class RpcDetails
{
    private readonly Google.Rpc.Status status;

    private RpcDetails(Google.Rpc.Status status) => this.status = status;

    public static RpcDetails Of(RpcException e) =>
        new(e.GetRpcStatus() ?? throw new InvalidOperationException($"no details on {e.Status}"));

    public T? Unpack<T>() where T : class, IMessage<T>, new() => status.GetDetail<T>();

    /// <summary>Reason code of google.rpc.ErrorInfo.</summary>
    public static string Reason(RpcException e) => Of(e).Unpack<ErrorInfo>()!.Reason;
}
