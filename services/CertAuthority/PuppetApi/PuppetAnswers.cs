using System.Text;
using Overture.CertAuthority.Audit;
using Overture.Platform.Serving;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>Answers as Puppet's clients need them: always framed by Content-Length, else an agent waits for 30 s.</summary>
internal static class PuppetAnswers
{
    public static Task Text(this HttpContext context, int status, string body = "") => Text(context, status, Encoding.UTF8.GetBytes(body));

    public static async Task Text(this HttpContext context, int status, byte[] body, string? contentType = "text/plain")
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        // Neither has a body, nor a length of one (RFC 9110 §8.6).
        if (status is StatusCodes.Status304NotModified or StatusCodes.Status204NoContent)
            return;
        response.ContentLength = body.Length;
        if (body.Length > 0)
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    public static Task Json(this HttpContext context, int status, byte[] body) => Text(context, status, body, "application/json");

    /// <summary>In Puppet's wording, which operators look for.</summary>
    public static Task Forbidden(this HttpContext context, RefusalLines lines, ILogger log)
    {
        var path = string.Concat((context.Request.Path.Value ?? "/").Select(c => c is > ' ' and <= '~' ? c : '?'));
        if (lines.Allow($"{context.Connection.RemoteIpAddress}", "puppetapi.forbidden", path))
            Overture.CertAuthority.Log.Forbidden(log, context.Request.Method, path, context.Connection.RemoteIpAddress);
        return context.Text(StatusCodes.Status403Forbidden,
            Encoding.UTF8.GetBytes(
                $"Forbidden request: {path} (method :{context.Request.Method.ToLowerInvariant()}). Please see the server logs for "
                    + "details."), contentType: null);
    }

    public static Caller Agent(this HttpContext context) => Caller.Agent(context.Connection.RemoteIpAddress);
}
