namespace Grpc.Core;

/// <summary>
/// A call that did not end with <see cref="Grpc.Core.StatusCode.OK"/>. Thrown to the caller by a client; thrown by a
/// handler it decides the status and adds to the trailers of the response.
/// </summary>
public class RpcException : Exception
{
    public RpcException(Status status)
        : this(status, Metadata.Empty, status.ToString())
    {
    }

    public RpcException(Status status, string message)
        : this(status, Metadata.Empty, message)
    {
    }

    public RpcException(Status status, Metadata trailers)
        : this(status, trailers, status.ToString())
    {
    }

    public RpcException(Status status, Metadata trailers, string message)
        : base(message, status.DebugException)
    {
        ArgumentNullException.ThrowIfNull(trailers);
        Status = status;
        Trailers = trailers;
    }

    public Status Status { get; }

    public StatusCode StatusCode => Status.StatusCode;

    /// <summary>The trailing metadata of the call; <see cref="Metadata.Empty"/> if there was none.</summary>
    public Metadata Trailers { get; }
}
