using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Conductor.V1;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Instances;

/// <summary>One instance: /instances/NAME, its console and its changes.</summary>
internal static class InstancePages
{
    private static readonly TimeSpan WithConsole = TimeSpan.FromSeconds(10);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/instances/{name}", Show).OnListener(ConsoleHost.Web);
        app.MapGet("/instances/{name}/console", Tail).OnListener(ConsoleHost.Web);
        app.MapGet("/instances/{name}/user-data", UserData).OnListener(ConsoleHost.Web);
        app.MapGet("/instances/{name}/events", (HttpContext http, string name) => LiveEvents.Send(http, [new() { Certnames = { name } }]))
            .OnListener(ConsoleHost.Web);
    }

    private static async Task<IResult> Show(HttpContext http, string name, TimeProvider clock, ConsoleOptions options)
    {
        // 1. All at once; without the instance itself there is no page.
        var (calls, mayChange) = (Calls.Of(http), Session.Required(http).MayChange);
        var found = calls.Conductor((c, o) => c.GetInstanceAsync(new() { Certname = name }, o));
        var explained = calls.Conductor((c, o) => c.ExplainInstanceAsync(new() { Certname = name }, o), WithConsole);
        var timeline = calls.Conductor((c, o) => c.GetTimelineAsync(new() { Certname = name }, o));
        var definition = calls.Classifier((c, o) => c.ExplainNodeAsync(new() { Certname = name }, o));
        var certificate = calls.CertAuthority((c, o) => c.GetCertificateAsync(new() { Certname = name }, o));
        var instance = (await found).Demand().Instance;
        // 2. What depends on what it is, all at once too. The console is the provider's to give, and asked for at each change: only where
        // it may say why nothing goes on.
        var windows = When(instance.Profile.Length > 0, () => calls.Conductor((c, o) => c.SummarizeConvergenceAsync(
            new() { Filter = new() { Profile = instance.Profile, ShowTerminated = true } }, o)));
        var held = When(instance.Conditions.Any(c => c.Type == ConditionType.CsrHeld),
            () => calls.CertAuthority((c, o) => c.GetHeldRequestAsync(new() { Certname = name }, o)));
        var tail = When(mayChange && ShowsTail(instance),
            () => calls.Conductor((c, o) => c.GetConsoleAsync(new() { Certname = name }, o)));
        // 3. As it is asked for.
        if (http.Request.Query["format"] == "json")
        {
            return Page.Json(("instance", instance, null), ("explained", (await explained).Value, (await explained).Trouble),
                ("timeline", (await timeline).Value, (await timeline).Trouble),
                ("definition", (await definition).Value, (await definition).Trouble),
                ("certificate", (await certificate).Value, (await certificate).Trouble),
                ("held", (await held)?.Value, (await held)?.Trouble), ("usual", (await windows)?.Value, (await windows)?.Trouble));
        }
        var way = Way.Of(instance, (await timeline).Value?.Events ?? [], clock.GetUtcNow(), (await windows)?.Value?.Steps);
        var trace = instance.TraceId.Length > 0 ? options.TraceUrl.Replace("{trace}", instance.TraceId, StringComparison.Ordinal) : "";
        var model = new InstanceModel(instance, await explained, await timeline, await definition, await certificate, await held,
            await tail, await windows, way, mayChange, trace, $"{http.Request.Query["done"]}");
        return Page.Html<InstancePage>(("Frame", Frame.Of(http, Names.Short(instance.Certname), "fleet") with
        {
            Command = $"overture instance explain {instance.Certname}",
            Events = $"/instances/{Uri.EscapeDataString(instance.Certname)}/events",
        }), ("Model", model));
    }

    // Null: it is not asked for.
    private static async Task<Answer<T>?> When<T>(bool isWanted, Func<Task<Answer<T>>> ask) where T : class =>
        isWanted ? await ask() : null;

    private static bool ShowsTail(Instance instance) => instance.State is InstanceState.Launching or InstanceState.Running
        && instance.Provider != "registered" && instance.Conditions.Any(c => c.Type == ConditionType.Stalled);

    private static async Task<IResult> UserData(HttpContext http, string name)
    {
        var data = (await Calls.Of(http).Conductor((c, o) => c.GetUserDataAsync(new() { Certname = name }, o))).Demand();
        return http.Request.Query["format"] == "json" ? Page.Json(("userData", data, null))
            : Page.Html<UserDataPage>(("Frame", Frame.Of(http, $"User data of {Names.Short(name)}", "fleet") with
                { Command = $"overture instance user-data {name}" }), ("Name", name), ("Data", data));
    }

    private static async Task<IResult> Tail(HttpContext http, string name)
    {
        var console = (await Calls.Of(http).Conductor((c, o) => c.GetConsoleAsync(new() { Certname = name }, o), WithConsole)).Demand();
        return http.Request.Query["format"] == "json" ? Page.Json(("console", console, null))
            : Page.Html<TailPage>(("Frame", Frame.Of(http, $"Console of {Names.Short(name)}", "fleet") with
                { Command = $"overture instance console {name}" }), ("Name", name), ("Console", console));
    }
}
