namespace Grpc.Core;

/// <summary>Where a channel stands with its connection. The numbers are compiled into callers, so the order is fixed.</summary>
public enum ConnectivityState
{
    /// <summary>No connection, and none wanted.</summary>
    Idle,

    Connecting,

    Ready,

    /// <summary>The last attempt failed; another one follows by itself.</summary>
    TransientFailure,

    /// <summary>Closed for good.</summary>
    Shutdown,
}
