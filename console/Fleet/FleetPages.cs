using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Conductor.V1;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Platform.Connections;

namespace Overture.Console.Fleet;

/// <summary>The fleet: / and its changes.</summary>
internal static class FleetPages
{
    private const int PageSize = 50;

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/", Show).OnListener(ConsoleHost.Web);
        app.MapGet("/events", Events).OnListener(ConsoleHost.Web);
        app.MapPost("/views", Keep).OnListener(ConsoleHost.Web);
    }

    private static async Task<IResult> Show(HttpContext http, TimeProvider clock, ConsoleOptions options, OwnViews own)
    {
        // 1. What is asked for.
        var query = FleetQuery.Read(http.Request.Query, out var problems);
        var (calls, now) = (Calls.Of(http), clock.GetUtcNow());
        var wide = (query with { States = [], Conditions = [] }).ToFilter(now);
        // What converged and was terminated since has converged too.
        var ever = wide.Clone();
        ever.ShowTerminated = true;
        // 2. Four answers at once; each may fail by itself.
        var counts = calls.Conductor((c, o) => c.SummarizeInstancesAsync(new() { Filter = wide }, o));
        var causes = calls.Conductor((c, o) => c.SummarizeCausesAsync(new() { Filter = wide }, o));
        var list = calls.Conductor((c, o) => c.ListInstancesAsync(
            new() { Filter = query.ToFilter(now), PageSize = PageSize, PageToken = query.Page, Order = query.Order }, o));
        var taken = calls.Conductor((c, o) => c.SummarizeConvergenceAsync(new() { Filter = ever }, o));
        var model = new FleetModel(query, await counts, await causes, await list, await taken, Trend.Of((await taken).Value, now),
            [.. options.Views.Select(FleetView.Read).OfType<FleetView>()], own.Read(http), problems);
        // 3. A session that is over, and a page token of another query, are pages of their own.
        if (model.List.Trouble is { } trouble && (trouble.EndsSession || trouble.Status == Grpc.Core.StatusCode.InvalidArgument))
            throw new PageException(trouble);
        return $"{http.Request.Query["format"]}" switch
        {
            "json" => Page.Json(("summary", model.Counts.Value, model.Counts.Trouble), ("causes", model.Causes.Value, model.Causes.Trouble),
                ("list", model.List.Value, model.List.Trouble), ("convergence", model.Convergence.Value, model.Convergence.Trouble)),
            "csv" => Page.Csv("instances.csv", model.List.Demand().Instances.Select(FleetModel.Row).Prepend(FleetModel.Columns)),
            _ => Html(http, model),
        };
    }

    // A name that is there already is replaced; one without an address goes.
    private static async Task<IResult> Keep(HttpContext http, OwnViews own)
    {
        var form = await Forms.Read(http);
        var (name, address) = ($"{form["name"]}".Trim(), $"{form["address"]}");
        if (address.Length > 0 && FleetView.Read($"{name}={address}") is null)
            throw new FormException("A view needs a name of 1 to 40 characters without '=', and an address of the fleet that narrows it.");
        if (!own.Keep(http, name, address))
            throw new FormException($"Your browser keeps no more views than it has: remove one first. {OwnViews.Most} is the limit.");
        return Results.LocalRedirect(address.Length > 0 ? address : "/", preserveMethod: false);
    }

    private static IResult Html(HttpContext http, FleetModel model) => Page.Html<FleetPage>(
        ("Frame", Frame.Of(http, model.Verdict, "fleet") with
        {
            Command = model.Query.ToCommand(), Csv = Frame.As(http, "csv"),
            Events = $"/events?{string.Join('&', (model.List.Value?.Instances ?? []).Select(i => $"name={Uri.EscapeDataString(i.Certname)}"))}",
        }), ("Model", model));

    // What the page shows, and what is launched from now on; not each instance of a large fleet for each reader.
    private static async Task Events(HttpContext http, TimeProvider clock)
    {
        var names = http.Request.Query["name"].OfType<string>().Where(n => n.Length > 0).Take(PageSize).ToList();
        var watches = new List<WatchInstancesRequest>
            { new() { Filter = new() { Since = clock.GetUtcNow().ToTimestamp(), ShowTerminated = true } } };
        if (names.Count > 0)
            watches.Add(new() { Certnames = { names } });
        await LiveEvents.Send(http, watches);
    }
}
