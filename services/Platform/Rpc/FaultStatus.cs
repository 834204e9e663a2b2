using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Overture.Platform.Faults;
using Status = Google.Rpc.Status;

namespace Overture.Platform.Rpc;

/// <summary>A fault as google.rpc.Status: gRPC callers get it as a trailer, callers by JSON as the body.</summary>
internal static class FaultStatus
{
    public static Status Of(FaultException fault) => Of(CodeOf(fault.Kind), fault.Reason, fault.PublicMessage, fault.Fields);

    /// <param name="code">Of gRPC.</param>
    /// <param name="reason">In its ErrorInfo.</param>
    /// <param name="message">For the caller.</param>
    /// <param name="fields">Those that break a rule; may be none.</param>
    public static Status Of(StatusCode code, Reason reason, string message, IReadOnlyList<FieldProblem> fields)
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
        return status;
    }

    public static StatusCode CodeOf(FaultKind kind) => kind switch
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
