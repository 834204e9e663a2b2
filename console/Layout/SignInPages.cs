using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Overture.Console.Sessions;

namespace Overture.Console.Layout;

/// <summary>Pages for those who are not signed in, or just were.</summary>
internal static class SignInPages
{
    /// <summary>Where a sign-in by the identity provider begins.</summary>
    public const string Provider = "/provider";

    /// <param name="message">Why it is shown; empty: there was no session.</param>
    public static IResult Ask(HttpContext http, string message, int status = StatusCodes.Status401Unauthorized) =>
        http.Request.Query["format"] == "json"
            ? Results.Json(new { status, message = message.Length > 0 ? message : "sign in", next = "overture ui" }, statusCode: status)
            : Page.Html<SignInPage>(status, ("Frame", new Frame("Sign in", "", null, "")), ("Message", message),
                ("Provider", ProviderOf(http)));

    private static string ProviderOf(HttpContext http) =>
        http.RequestServices.GetRequiredService<ConsoleOptions>().OpenIdConnect is { IsOn: true } provider ? provider.Title : "";

    /// <summary>Asks before the link is used: what only looks at it (a preview, a scanner of mail) does not sign in.</summary>
    /// <param name="before">The other person who is signed in here now; null: there is none.</param>
    public static IResult Confirm(HttpContext http, Session session, string address, string? before) =>
        Page.Html<ConfirmPage>(("Frame", Frame.Of(http, "Sign in", "") with { FormToken = Frame.TokenOf(http), Json = "" }),
            ("Person", session.Person), ("Until", session.By.Until), ("Address", address), ("Before", before ?? ""));

    public static IResult Entered(Session session) =>
        Page.Html<EnteredPage>(("Frame", new Frame("Signed in", "", null, "")), ("Person", session.Person));
}
