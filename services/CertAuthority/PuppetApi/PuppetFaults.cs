using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>The one place where a fault becomes an answer to an agent.</summary>
internal static class PuppetFaults
{
    /// <summary>Byte for byte the same for every cause, so that names can't be probed (threats T18).</summary>
    private const string NotAuthorized =
        "This request is not authorized. The cause is in the CA's audit log, and in the timeline of the instance.\n";

    public static FaultException Revoked { get; } = new(FaultKind.Denied, Reason.NameBlocked, "the client certificate is revoked");

    public static FaultException Unrecorded { get; } =
        new(FaultKind.Denied, Reason.CertificateUnrecorded, "the client certificate has no record");

    public static int StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.Invalid => StatusCodes.Status400BadRequest,
        FaultKind.NotFound => StatusCodes.Status404NotFound,
        FaultKind.Denied => StatusCodes.Status403Forbidden,
        FaultKind.AlreadyExists or FaultKind.Conflict => StatusCodes.Status409Conflict,
        FaultKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        FaultKind.Precondition or FaultKind.Unavailable or FaultKind.Unreadable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    public static Task Answer(HttpContext context, FaultException fault)
    {
        var status = StatusOf(fault.Kind);
        // Without it an agent takes 503 for an error and waits its whole waitforcert.
        if (status == StatusCodes.Status503ServiceUnavailable)
            context.Response.Headers.RetryAfter = fault.Kind == FaultKind.Unavailable ? "5" : "60";
        if (fault.Kind == FaultKind.TooLarge)
            context.Response.Headers.Connection = "close";
        return context.Text(status, fault.Kind switch
        {
            FaultKind.Denied => NotAuthorized,
            FaultKind.TooLarge => $"{fault.Reason.Code()}: at most {CsrFault.MaximumBytes} bytes\n",
            _ => $"{fault.Reason.Code()}: {fault.PublicMessage}\n",
        });
    }

    /// <summary>Too often. The same for every name and cause (threats T18), and no fault: thousands a second may be turned away.</summary>
    public static Task TooMany(HttpContext context, TimeSpan wait)
    {
        context.Response.Headers.RetryAfter = $"{Math.Max(1, Math.Ceiling(wait.TotalSeconds)):0}";
        return context.Text(
            StatusCodes.Status429TooManyRequests, $"{Reason.RateLimited.Code()}: too many requests; try again after Retry-After\n");
    }

    /// <summary>A bug: its trace id, and nothing of its text.</summary>
    public static Task Answer(HttpContext context, Exception _) => context.Text(StatusCodes.Status500InternalServerError,
        $"Internal Server Error: its trace is {System.Diagnostics.Activity.Current?.TraceId}\n");
}
