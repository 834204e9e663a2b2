using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Overture.Console.Layout;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Console.Entry;

/// <summary>
/// How a person comes in: `overture ui` brings a delegation (POST /session) and gets a one-time link, which sets the cookie. A further way,
/// such as OpenID Connect, ends where this does: in a <see cref="Session"/> that <see cref="SessionCookie"/> writes.
/// </summary>
internal static class SignIn
{
    private const int LargestDelegation = 8 * 1024;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/session", () => Results.Json(new { console = "overture", longestSeconds = DelegationStatement.Longest.TotalSeconds }))
            .OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapPost("/session", Bring).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapGet("/enter/{token}", Enter).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapPost("/leave", Leave).OnListener(ConsoleHost.Web);
    }

    /// <summary>Every route but the open ones needs a session; without one it is a page that says how to get one.</summary>
    public static void UseSessions(this WebApplication app)
    {
        var cookie = app.Services.GetRequiredService<SessionCookie>();
        app.Use(async (http, next) =>
        {
            if (http.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<Open>() is not null)
            {
                await next(http);
                return;
            }
            if (cookie.Read(http) is not { } session)
            {
                await SignInPages.Ask(http, "").ExecuteAsync(http);
                return;
            }
            http.Features.Set(session);
            // What form tokens are bound to: of one session they are good in no other.
            http.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, session.By.Nonce),
                new Claim(ClaimTypes.Name, session.Person)], "delegation"));
            await next(http);
        });
    }

    private static async Task<IResult> Bring(HttpContext http, SessionCookie sessions, OneTimeLinks links, ConsoleOptions options)
    {
        // 1. What it is: nothing of a form, so no page of another site can send it.
        if (http.Request.ContentType != "application/x-protobuf" || http.Request.ContentLength is not (> 0 and <= LargestDelegation))
            return Results.Json(new { error = "send a delegation (application/x-protobuf, at most 8 KiB)" }, statusCode: 415);
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        // 2. Whose it is.
        Session session;
        try
        {
            session = sessions.Open(body.ToArray());
        }
        catch (FaultException e)
        {
            return Results.Json(new { reason = e.Reason.Code(), error = e.Message }, statusCode: StatusCodes.Status403Forbidden);
        }
        // 3. A link for a browser, which has no key of the person's.
        return links.Make(session) is { } token
            ? Results.Json(new { link = $"{options.Url.TrimEnd('/')}/enter/{token}", person = session.Person,
                seconds = (int)OneTimeLinks.Life.TotalSeconds, until = session.By.Until })
            : Results.Json(new { error = "too many links are open; try again in a minute" }, statusCode: 503);
    }

    private static IResult Enter(HttpContext http, string token, SessionCookie sessions, OneTimeLinks links)
    {
        if (links.Use(token) is not { } session)
            return SignInPages.Ask(http, "This link was used, or its minute is over.");
        sessions.Write(http, session);
        // Not a redirect: browsers leave out a strict cookie where another program or site began the way here.
        return SignInPages.Entered(session);
    }

    private static async Task<IResult> Leave(HttpContext http, SessionCookie sessions)
    {
        await Forms.Read(http);
        sessions.End(http, Session.Of(http));
        return SignInPages.Ask(http, "You have signed out.", StatusCodes.Status200OK);
    }
}
