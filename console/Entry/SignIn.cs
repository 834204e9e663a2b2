using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Console.Entry;

/// <summary>
/// How a person comes in: `overture ui` brings a delegation (POST /session) and gets a one-time link, which sets the cookie. The other
/// way, <see cref="ProviderSignIn"/>, ends where this does: in a <see cref="Session"/> that <see cref="SessionCookie"/> writes.
/// </summary>
internal static class SignIn
{
    private const int LargestDelegation = 8 * 1024;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/session", () => Results.Json(new { console = "overture", longestSeconds = DelegationStatement.Longest.TotalSeconds }))
            .OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapPost("/session", Bring).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapGet("/enter/{token}", Ask).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapPost("/enter/{token}", Enter).OnListener(ConsoleHost.Web).WithMetadata(new Open());
        app.MapPost("/leave", Leave).OnListener(ConsoleHost.Web).WithMetadata(new Leaving());
    }

    /// <summary>Every route but the open ones needs a session; without one it is a page that says how to get one.</summary>
    public static void UseSessions(this WebApplication app)
    {
        var (cookie, ended) = (app.Services.GetRequiredService<SessionCookie>(), app.Services.GetRequiredService<EndedSessions>());
        var options = app.Services.GetRequiredService<ConsoleOptions>();
        app.Use(async (http, next) =>
        {
            if (http.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<Open>() is not null)
            {
                await next(http);
                return;
            }
            Session? session;
            try
            {
                session = await cookie.Read(http);
            }
            catch (FaultException) when (endpoint.Metadata.GetMetadata<Leaving>() is not null
                && http.Request.Headers.Origin == options.Url.TrimEnd('/'))
            {
                cookie.End(http, null);
                await SignInPages.Ask(http, "You have signed out of this browser. Whose session it was can't be verified now, so a copy of "
                    + "its cookie would be good until it ends.", StatusCodes.Status200OK).ExecuteAsync(http);
                return;
            }
            if (session is null)
            {
                await SignInPages.Ask(http, "").ExecuteAsync(http);
                return;
            }
            // It may have been left at another replica, or before this one started. Where that is not known, nothing is done.
            var (open, trouble) = await ended.Ask(http, session);
            if (open == false)
            {
                await SignInPages.Ask(http, "You have signed out.").ExecuteAsync(http);
                return;
            }
            if (open is null && !HttpMethods.IsGet(http.Request.Method) && endpoint.Metadata.GetMetadata<Leaving>() is null)
            {
                throw new PageException(trouble! with
                    { Message = $"Nothing is done, since whether you have signed out elsewhere can't be asked now: {trouble.Message}" });
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
        // 2. Whose it is. A delegation alone: an ID token is a bearer's, and counts only on the way by which this browser asked for it.
        Session session;
        try
        {
            session = sessions.OpenDelegation(body.ToArray());
            sessions.MustFit(session);
        }
        catch (FaultException e)
        {
            return Results.Json(new { reason = e.Reason.Code(), error = e.Message }, statusCode: e.Kind switch
            {
                FaultKind.Invalid => 400, FaultKind.Unavailable => 503, _ => 403,
            });
        }
        // 3. A link for a browser, which has no key of the person's.
        return links.Make(session) is { } token
            ? Results.Json(new { link = $"{options.Url.TrimEnd('/')}/enter/{token}", person = session.Person,
                seconds = (int)OneTimeLinks.Life.TotalSeconds, until = session.By.Until })
            : Results.Json(new { error = "too many links are open; try again in a minute" }, statusCode: 503);
    }

    private static async Task<IResult> Ask(HttpContext http, string token, SessionCookie sessions, OneTimeLinks links) =>
        await links.Look(token, http.RequestAborted) is { } session
            ? SignInPages.Confirm(http, session, http.Request.Path, await Other(http, session, sessions)) : Used(http);

    private static async Task<IResult> Enter(HttpContext http, string token, SessionCookie sessions, OneTimeLinks links)
    {
        // 1. From our page, or another site could sign this browser in as someone else.
        var form = await Forms.Read(http);
        if (await links.Look(token, http.RequestAborted) is not { } asked)
            return Used(http);
        // 2. Who is signed in here already. Browsers show that (a strict cookie) only now where another program began the way here.
        if (await Other(http, asked, sessions) is { } other && form["instead_of"] != other)
            return SignInPages.Confirm(http, asked, http.Request.Path, other);
        // 3. Once.
        if (await links.Use(token, s => EndedSessions.Enter(http, s), http.RequestAborted) is not { } session)
            return Used(http);
        sessions.Write(http, session);
        return SignInPages.Entered(session);
    }

    // One of the provider's while that does not answer keeps no one else out.
    private static async Task<string?> Other(HttpContext http, Session session, SessionCookie sessions)
    {
        try
        {
            return await sessions.Read(http) is { } now && now.Person != session.Person ? now.Person : null;
        }
        catch (FaultException)
        {
            return "someone who can't be verified now";
        }
    }

    private static IResult Used(HttpContext http) => SignInPages.Ask(http, "This link was used, or its minute is over. A try that failed "
        + "may have used it: overture ui gives another. If someone else used it, they may act as you now: end that with overture pki "
        + "revoke NAME, and get a new certificate.");

    private static async Task<IResult> Leave(HttpContext http, SessionCookie sessions)
    {
        await Forms.Read(http);
        var session = Session.Required(http);
        sessions.End(http, session);
        return SignInPages.Ask(http, await EndedSessions.End(http, session) is { } trouble
            ? "You have signed out of this console. Others of its replicas, and this one after a restart, do not know it: "
                + trouble.Message
            : "You have signed out.", StatusCodes.Status200OK);
    }

    /// <summary>Mark of the route that signs out, which is always open.</summary>
    private sealed record Leaving;
}
