using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.DependencyInjection;
using Overture.Console.Sessions;

namespace Overture.Console.Layout;

/// <summary>What is around the content of every page.</summary>
/// <param name="Title">Of the window.</param>
/// <param name="Section">Which entry of the navigation it belongs to: "fleet".</param>
/// <param name="Session">Null: not signed in.</param>
/// <param name="FormToken">Goes with each form.</param>
public sealed record Frame(string Title, string Section, Session? Session, string FormToken)
{
    /// <summary>The command that shows the same; empty: there is none.</summary>
    public string Command { get; init; } = "";

    /// <summary>Address of the stream of changes; null: the page is not live.</summary>
    public string? Events { get; init; }

    /// <summary>This page as JSON and as CSV; empty: it is not to be had so.</summary>
    public string Json { get; init; } = "";
    public string Csv { get; init; } = "";

    public static Frame Of(HttpContext http, string title, string section)
    {
        ArgumentNullException.ThrowIfNull(http);
        var session = Session.Of(http);
        return new(title, section, session, session is null ? "" : TokenOf(http)) { Json = session is null ? "" : As(http, "json") };
    }

    /// <summary>For a form; its cookie goes with the answer.</summary>
    internal static string TokenOf(HttpContext http) =>
        http.RequestServices.GetRequiredService<IAntiforgery>().GetAndStoreTokens(http).RequestToken ?? "";

    /// <summary>This address, in another format.</summary>
    public static string As(HttpContext http, string format)
    {
        ArgumentNullException.ThrowIfNull(http);
        var query = new QueryBuilder(http.Request.Query.Where(q => q.Key is not ("format" or "done"))
            .SelectMany(q => q.Value.Where(v => v is not null).Select(v => KeyValuePair.Create(q.Key, v!)))) { { "format", format } };
        return http.Request.Path.ToUriComponent() + query.ToQueryString();
    }
}
