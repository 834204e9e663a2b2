using Microsoft.AspNetCore.Http;
using Overture.Console.Sessions;

namespace Overture.Console.Layout;

/// <summary>Pages for those who are not signed in, or just were.</summary>
internal static class SignInPages
{
    /// <param name="message">Why it is shown; empty: there was no session.</param>
    public static IResult Ask(HttpContext http, string message, int status = StatusCodes.Status401Unauthorized) =>
        http.Request.Query["format"] == "json"
            ? Results.Json(new { status, message = message.Length > 0 ? message : "sign in", next = "overture ui" }, statusCode: status)
            : Page.Html<SignInPage>(status, ("Frame", new Frame("Sign in", "", null, "")), ("Message", message));

    public static IResult Entered(Session session) =>
        Page.Html<EnteredPage>(("Frame", new Frame("Signed in", "", null, "")), ("Person", session.Person));
}
