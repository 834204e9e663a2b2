using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Console.Services;
using Overture.Console.Sessions;

namespace Overture.Console.Layout;

/// <summary>What each answer says to browsers, and what they see when a page can't be made.</summary>
internal static partial class PageHeaders
{
    /// <summary>No script, style or frame but our own files; no form goes elsewhere.</summary>
    public const string Policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    public static void UsePageHeaders(this WebApplication app) => app.Use((http, next) =>
    {
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers.StrictTransportSecurity = "max-age=31536000";
        headers.CacheControl = "no-store";
        return next(http);
    });

    /// <summary>Errors are pages: the service's reason and sentence, and the next step.</summary>
    public static void UseErrorPages(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Overture.Console");
        app.Use(async (http, next) =>
        {
            try
            {
                await next(http);
                if (http.Response is { HasStarted: false, StatusCode: StatusCodes.Status404NotFound } && http.GetEndpoint() is null)
                    await ErrorPage(http, 404, "There is no such page.", "", "", "").ExecuteAsync(http);
            }
            catch (PageException e) when (!http.Response.HasStarted)
            {
                await ForTrouble(http, e.Trouble).ExecuteAsync(http);
            }
            catch (FormException e) when (!http.Response.HasStarted)
            {
                await ErrorPage(http, 400, e.Message, "", "Go back, look at the page again, and repeat it.", "").ExecuteAsync(http);
            }
            catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
            {
            }
            catch (Exception e) when (!http.Response.HasStarted && e is not BadHttpRequestException)
            {
                Unforeseen(log, http.Request.Path, e);
                await ErrorPage(http, 500, "This page could not be made: a bug of the console.", "INTERNAL",
                    "The console's log has the cause under this trace.", $"{System.Diagnostics.Activity.Current?.TraceId}")
                    .ExecuteAsync(http);
            }
        });
    }

    /// <summary>The page of a refusal; where the session is over, that of the sign-in.</summary>
    public static IResult ForTrouble(HttpContext http, Trouble trouble)
    {
        if (!trouble.EndsSession)
            return ErrorPage(http, trouble.Http, trouble.Message, trouble.Reason, trouble.Next, trouble.TraceId);
        http.RequestServices.GetRequiredService<SessionCookie>().End(http, Session.Of(http));
        return SignInPages.Ask(http, $"Your session is over: {trouble.Message}");
    }

    private static IResult ErrorPage(HttpContext http, int status, string message, string reason, string next, string trace) =>
        http.Request.Query["format"] == "json"
            ? Results.Json(new { status, reason, message, next, traceId = trace }, statusCode: status)
            : Page.Html<ErrorPage>(status, ("Frame", Frame.Of(http, $"{status}", "")), ("Message", message), ("Reason", reason),
                ("Next", next), ("Trace", trace), ("Status", status));

    [LoggerMessage(EventId = 1, EventName = "console.unforeseen", Level = LogLevel.Error, Message = "{Path} failed unforeseen")]
    private static partial void Unforeseen(ILogger logger, string path, Exception exception);
}
