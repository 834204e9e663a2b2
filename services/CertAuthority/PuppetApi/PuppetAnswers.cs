using System.Text;
using Overture.CertAuthority.Audit;

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
        if (status == StatusCodes.Status304NotModified)
            return;
        response.ContentLength = body.Length;
        if (body.Length > 0)
            await response.Body.WriteAsync(body, context.RequestAborted);
    }

    public static Caller Agent(this HttpContext context) => Caller.Agent(context.Connection.RemoteIpAddress);
}
