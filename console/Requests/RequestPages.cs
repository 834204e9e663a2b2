using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Requests;

/// <summary>Certificate requests that wait for a person.</summary>
internal static class RequestPages
{
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/requests", (Delegate)List).OnListener(ConsoleHost.Web);
        app.MapGet("/requests/{name}", Show).OnListener(ConsoleHost.Web);
        app.MapPost("/requests/{name}/approve", (HttpContext http, string name) => Decide(http, name, approve: true))
            .OnListener(ConsoleHost.Web);
        app.MapPost("/requests/{name}/deny", (HttpContext http, string name) => Decide(http, name, approve: false))
            .OnListener(ConsoleHost.Web);
    }

    private static async Task<IResult> List(HttpContext http)
    {
        var page = $"{http.Request.Query["page"]}";
        var list = await Calls.Of(http).CertAuthority((c, o) => c.ListCertificateRequestsAsync(new() { PageToken = page }, o));
        return $"{http.Request.Query["format"]}" switch
        {
            "json" => Page.Json(("requests", list.Value, list.Trouble)),
            "csv" => Page.Csv("requests.csv", list.Demand().Requests.Select(r => (string[])[r.Certname, r.Key, r.SpkiSha256, r.Peer,
                Say.Time(r.ReceivedAt), r.Decision?.Reason ?? "", r.Decision?.Sentence ?? "", r.Remedy])
                .Prepend(["certname", "key", "spki_sha256", "from", "received_at", "reason", "why", "remedy"])),
            _ => Page.Html<RequestListPage>(("Frame", Frame.Of(http, "Requests", "requests") with
                { Command = "overture certificate requests", Csv = Frame.As(http, "csv") }), ("List", list),
                ("Done", $"{http.Request.Query["done"]}")),
        };
    }

    private static async Task<IResult> Show(HttpContext http, string name)
    {
        var found = (await Calls.Of(http).CertAuthority((c, o) => c.GetHeldRequestAsync(new() { Certname = name }, o))).Demand();
        return http.Request.Query["format"] == "json" ? Page.Json(("request", found.Request, null))
            : Page.Html<RequestPage>(("Frame", Frame.Of(http, $"Request of {Names.Short(name)}", "requests") with
                { Command = $"overture certificate requests {found.Request.Certname}" }),
                ("Request", found.Request), ("MayDecide", Session.Required(http).MayChange));
    }

    // For the key that the person saw: another that came meanwhile is refused (HELD_OTHER_KEY).
    private static async Task<IResult> Decide(HttpContext http, string name, bool approve)
    {
        var form = await Forms.Read(http);
        var (key, reason, calls) = ($"{form["spki"]}", Forms.Reason(form), Calls.Of(http));
        var trouble = approve
            ? (await calls.CertAuthority((c, o) =>
                c.ApproveCertificateRequestAsync(new() { Certname = name, SpkiSha256 = key, Reason = reason }, o))).Trouble
            : (await calls.CertAuthority((c, o) =>
                c.DenyCertificateRequestAsync(new() { Certname = name, SpkiSha256 = key, Reason = reason }, o))).Trouble;
        return trouble is null ? Results.LocalRedirect($"/requests?done={(approve ? "approved" : "denied")}")
            : throw new PageException(trouble);
    }
}
