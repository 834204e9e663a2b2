namespace Grpc.Core;

/// <summary>The outcomes a call can have. The numbers travel in the <c>grpc-status</c> trailer and are fixed by gRPC.</summary>
public enum StatusCode
{
    OK = 0,

    /// <summary>The call was cancelled, usually by its caller.</summary>
    Cancelled = 1,

    /// <summary>The error is not known here, e.g. a handler threw something that is no <see cref="RpcException"/>.</summary>
    Unknown = 2,

    /// <summary>The arguments are wrong whatever the state of the server is.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed. The work may have been done all the same.</summary>
    DeadlineExceeded = 4,

    NotFound = 5,
    AlreadyExists = 6,

    /// <summary>The caller is known and is not allowed to do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota or a limit (message size, memory) is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The server is not in the state the call needs; repeating it without a change is useless.</summary>
    FailedPrecondition = 9,

    /// <summary>The call lost a race; a repeat from a higher level may succeed.</summary>
    Aborted = 10,

    /// <summary>The arguments are wrong for the present state, e.g. a read past the end.</summary>
    OutOfRange = 11,

    Unimplemented = 12,

    /// <summary>An invariant of the server or of the protocol is broken.</summary>
    Internal = 13,

    /// <summary>The server cannot be reached at the moment; a repeat of the same call is reasonable.</summary>
    Unavailable = 14,

    DataLoss = 15,

    /// <summary>The caller has not said, or not proved, who it is.</summary>
    Unauthenticated = 16,
}
