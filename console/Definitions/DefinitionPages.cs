using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Definitions;

/// <summary>What nodes are to be: the list, one with its layers and history, and the layers.</summary>
internal static class DefinitionPages
{
    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/definitions", (Delegate)List).OnListener(ConsoleHost.Web);
        app.MapGet("/definitions/{name}", Show).OnListener(ConsoleHost.Web);
        app.MapGet("/layers", (Delegate)ShowLayers).OnListener(ConsoleHost.Web);
        EditPages.Map(app);
    }

    private static async Task<IResult> List(HttpContext http)
    {
        var query = http.Request.Query;
        if ($"{query["edit"]}".Trim() is { Length: > 0 } wanted)
            return Results.LocalRedirect($"/definitions/{Uri.EscapeDataString(wanted)}/edit");
        var (prefix, page, broken) = ($"{query["prefix"]}", $"{query["page"]}", query["problems"] == "1");
        var list = await Calls.Of(http).Classifier((c, o) =>
            c.ListDefinitionsAsync(new() { Prefix = prefix, PageToken = page, ProblemsOnly = broken }, o));
        return $"{query["format"]}" switch
        {
            "json" => Page.Json(("definitions", list.Value, list.Trouble)),
            "csv" => Page.Csv("definitions.csv", list.Demand().Definitions.Select(d => (string[])[d.Certname, d.Environment,
                string.Join(' ', d.Layers), d.Version, d.Author, Say.Time(d.UpdatedAt), string.Join(' ', d.Problems)])
                .Prepend(["certname", "environment", "layers", "version", "author", "updated_at", "problems"])),
            _ => Page.Html<DefinitionListPage>(("Frame", Frame.Of(http, "Definitions", "definitions") with
                { Command = $"overture node list{(broken ? " --problems" : "")}", Csv = Frame.As(http, "csv") }),
                ("List", list), ("Prefix", prefix), ("Broken", broken),
                ("MayChange", Session.Required(http).MayChange), ("Done", $"{query["done"]}")),
        };
    }

    private static async Task<IResult> Show(HttpContext http, string name)
    {
        var calls = Calls.Of(http);
        var node = calls.Classifier((c, o) => c.GetNodeAsync(new() { Certname = name }, o));
        var explained = calls.Classifier((c, o) => c.ExplainNodeAsync(new() { Certname = name }, o));
        var history = calls.Classifier((c, o) => c.ListHistoryAsync(new() { Certname = name, PageSize = 20 }, o));
        await Task.WhenAll(node, explained, history);
        var found = (await node).Demand().Node;
        return http.Request.Query["format"] == "json"
            ? Page.Json(("node", found, null), ("explained", (await explained).Value, (await explained).Trouble),
                ("history", (await history).Value, (await history).Trouble))
            : Page.Html<DefinitionPage>(("Frame", Frame.Of(http, $"Definition of {Names.Short(name)}", "definitions") with
                { Command = $"overture node explain {found.Certname}" }),
                ("Node", found), ("Explained", await explained), ("History", await history),
                ("MayChange", Session.Required(http).MayChange), ("Done", $"{http.Request.Query["done"]}"));
    }

    private static async Task<IResult> ShowLayers(HttpContext http)
    {
        var calls = Calls.Of(http);
        var layers = calls.Classifier((c, o) => c.GetLayersAsync(new(), o));
        var history = calls.Classifier((c, o) => c.ListHistoryAsync(new() { PageSize = 20 }, o));
        await Task.WhenAll(layers, history);
        var found = (await layers).Demand().Layers;
        return http.Request.Query["format"] == "json"
            ? Page.Json(("layers", found, null), ("history", (await history).Value, (await history).Trouble))
            : Page.Html<LayersPage>(("Frame", Frame.Of(http, "Layers", "definitions") with { Command = "overture layers show" }),
                ("Layers", found), ("History", await history), ("MayChange", Session.Required(http).MayChange),
                ("Done", $"{http.Request.Query["done"]}"));
    }
}
