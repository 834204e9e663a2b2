using System.Net.Sockets;
using System.Security.Authentication;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;

namespace Overture.Cli.Output;

/// <summary>A gRPC error as a person should read it: the service's own words, its fields and reason, and the next step.</summary>
internal static class RpcFailures
{
    /// <param name="error">As thrown by the call.</param>
    /// <param name="service">"conductor", "certAuthority" or "classifier".</param>
    /// <param name="address">HOST:PORT that was called.</param>
    public static Failure From(RpcException error, string service, string address)
    {
        var details = Details(error);
        if (details is null && error.StatusCode == StatusCode.Cancelled)
            return Lost(service, address, "the call was cut off");
        if (details is null && Connecting(error, service, address) is { } connection)
            return connection;
        var info = details?.GetDetail<ErrorInfo>();
        var message = details?.Message is { Length: > 0 } text ? text : error.Status.Detail;
        if (error.StatusCode == StatusCode.DeadlineExceeded)
            message = $"{service} at {address} did not finish in the time given";
        if (message.Length == 0)
            message = $"{service} answered {Spelling(error.StatusCode)}";
        return new Failure(ExitOf(error.StatusCode), message, NextOf(error.StatusCode, info, service, address))
        {
            Code = Spelling(error.StatusCode),
            Reason = info?.Reason ?? "",
            TraceId = TraceOf(info),
            Fields = [.. (details?.GetDetail<BadRequest>()?.FieldViolations ?? []).Select(v => new FieldProblem(v.Field, v.Description))],
        };
    }

    /// <summary>Whether the service is away for now, rather than that it refused: worth a further try.</summary>
    public static bool IsLostConnection(RpcException error) => error.StatusCode == StatusCode.Unavailable || IsCutOff(error);

    /// <summary>
    /// Whether a connection broke during the call: what the client library found out by itself has no details of the service.
    /// </summary>
    public static bool IsCutOff(RpcException error) => Details(error) is null && error.StatusCode switch
    {
        StatusCode.Cancelled => true,
        StatusCode.Internal or StatusCode.Unknown => error.Status.DebugException is not null,
        _ => false,
    };

    // No answer of the service itself: say which step of reaching it failed. gRPC's own text for these is no help.
    private static Failure? Connecting(RpcException error, string service, string address)
    {
        if (error.StatusCode is not (StatusCode.Unavailable or StatusCode.Internal or StatusCode.Unknown))
            return null;
        for (var cause = error.Status.DebugException; cause is not null; cause = cause.InnerException)
        {
            if (cause is SocketException socket)
            {
                return new Failure(ExitCodes.Unavailable, $"{service} at {address} does not answer: {socket.Message}",
                    $"is it running? overture health --service {service.ToLowerInvariant()}")
                { Code = "UNAVAILABLE" };
            }
            if (cause is AuthenticationException)
            {
                return new Failure(ExitCodes.Unavailable,
                    $"{service} at {address} presents a certificate that is not from the internal CA, or not for that host: "
                        + $"{cause.Message}",
                    "does tls.roots name the CA that issued the service's certificate?")
                { Code = "UNAVAILABLE" };
            }
        }
        if (error.Status.DebugException is null)
            return null;
        // TLS 1.3 refuses a client certificate after the handshake; the client sees no more than a closed connection.
        return error.StatusCode == StatusCode.Unavailable
            ? new Failure(ExitCodes.Unavailable, $"{service} at {address} closed the connection; it may not accept our certificate",
                "was the certificate made by the CA that the service trusts? the service's log says why")
            { Code = "UNAVAILABLE" }
            : Lost(service, address, Innermost(error.Status.DebugException).Message);
    }

    // While a call ran: a network or a host that stalled, a reset; or, where it was the first of its connection, the refusal of our
    // certificate, which may come as late as that.
    private static Failure Lost(string service, string address, string cause) =>
        new(ExitCodes.Unavailable, $"the connection to {service} at {address} was lost: {cause.TrimEnd('.')}",
            $"the work may go on there: look before you repeat it; does it run? overture health --service {service.ToLowerInvariant()}; "
                + "if that is lost as well, it may not accept our certificate: its log says why")
        { Code = "UNAVAILABLE" };

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;

    private static string TraceOf(ErrorInfo? info) => info?.Metadata.TryGetValue("trace_id", out var trace) == true ? trace : "";

    private static Google.Rpc.Status? Details(RpcException error) => error.Trailers.GetRpcStatus(ignoreParseError: true);

    private static int ExitOf(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument or StatusCode.OutOfRange or StatusCode.ResourceExhausted => ExitCodes.Usage,
        StatusCode.NotFound => ExitCodes.NotFound,
        StatusCode.PermissionDenied or StatusCode.Unauthenticated => ExitCodes.Denied,
        StatusCode.Unavailable => ExitCodes.Unavailable,
        StatusCode.AlreadyExists or StatusCode.FailedPrecondition or StatusCode.Aborted => ExitCodes.Conflict,
        StatusCode.DeadlineExceeded => ExitCodes.Timeout,
        _ => ExitCodes.Internal,
    };

    private static string NextOf(StatusCode code, ErrorInfo? info, string service, string address) => code switch
    {
        StatusCode.Unavailable or StatusCode.FailedPrecondition when info?.Reason == "PUPPETSERVER_UNAVAILABLE" =>
            "repair that, or leave out the comparison with the puppetserver",
        StatusCode.InvalidArgument when info?.Reason == "PUPPET_CODE_MISSING" => "correct it, or deploy the code first",
        StatusCode.PermissionDenied when info?.Reason == "SCOPE_MISSING" =>
            "ask someone whose scope covers it, or for a certificate with another scope",
        StatusCode.PermissionDenied when info?.Reason == "CERTIFICATE_REVOKED" =>
            "ask the keeper of the internal CA for another one (overture pki issue)",
        StatusCode.PermissionDenied => "use a certificate whose role may do this (tls.certificate in the configuration)",
        StatusCode.Unavailable => "nothing is lost; try again in a moment",
        StatusCode.Aborted => "it was changed in between: read it again, then repeat",
        StatusCode.Unimplemented => $"is {address} really {service}?",
        StatusCode.DeadlineExceeded => "the work may still go on: look before you repeat it",
        StatusCode.DataLoss => $"the log of {service} names the object: restore it from a backup (docs/operations.md)",
        StatusCode.Internal or StatusCode.Unknown =>
            $"the log of {service} has the cause {(TraceOf(info).Length > 0 ? "under that trace id" : "at this time")}",
        _ => "",
    };

    private static string Spelling(StatusCode code) => code switch
    {
        StatusCode.OK => "OK",
        StatusCode.Cancelled => "CANCELLED",
        StatusCode.InvalidArgument => "INVALID_ARGUMENT",
        StatusCode.DeadlineExceeded => "DEADLINE_EXCEEDED",
        StatusCode.NotFound => "NOT_FOUND",
        StatusCode.AlreadyExists => "ALREADY_EXISTS",
        StatusCode.PermissionDenied => "PERMISSION_DENIED",
        StatusCode.ResourceExhausted => "RESOURCE_EXHAUSTED",
        StatusCode.FailedPrecondition => "FAILED_PRECONDITION",
        StatusCode.Aborted => "ABORTED",
        StatusCode.OutOfRange => "OUT_OF_RANGE",
        StatusCode.Unimplemented => "UNIMPLEMENTED",
        StatusCode.Internal => "INTERNAL",
        StatusCode.Unavailable => "UNAVAILABLE",
        StatusCode.DataLoss => "DATA_LOSS",
        StatusCode.Unauthenticated => "UNAUTHENTICATED",
        _ => "UNKNOWN",
    };
}
