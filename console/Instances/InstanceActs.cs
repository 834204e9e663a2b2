using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;

namespace Overture.Console.Instances;

/// <summary>
/// What is done to an instance: a page that asks once more (GET), then the act (POST), which the Conductor allows or refuses.
/// </summary>
internal static class InstanceActs
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (var act in InstanceAct.All)
        {
            var address = $"/instances/{{name}}/{act.Name}";
            app.MapGet(address, (HttpContext http, string name) => Ask(http, name, act)).OnListener(ConsoleHost.Web);
            app.MapPost(address, (HttpContext http, string name) => Do(http, name, act)).OnListener(ConsoleHost.Web);
        }
    }

    private static async Task<IResult> Ask(HttpContext http, string name, InstanceAct act)
    {
        var instance = (await Calls.Of(http).Conductor((c, o) => c.GetInstanceAsync(new() { Certname = name }, o))).Demand().Instance;
        return Page.Html<ActPage>(("Frame", Frame.Of(http, $"{act.Button} {Names.Short(name)}?", "fleet") with
            { Command = $"{act.Command} {instance.Certname}", Json = "" }), ("Instance", instance), ("Act", act),
            ("MayChange", Session.Required(http).MayChange));
    }

    private static async Task<IResult> Do(HttpContext http, string name, InstanceAct act)
    {
        var form = await Forms.Read(http);
        var (calls, reason) = (Calls.Of(http), act.NeedsReason ? Forms.Reason(form) : "");
        var trouble = act.Name switch
        {
            "retry" => (await calls.Conductor((c, o) => c.RetryInstanceAsync(new() { Certname = name }, o), Long)).Trouble,
            "protect" or "unprotect" => (await calls.Conductor((c, o) =>
                c.UpdateInstanceAsync(new() { Certname = name, Protected = act.Name == "protect" }, o))).Trouble,
            "quarantine" or "release" => (await calls.Conductor((c, o) =>
                c.QuarantineInstanceAsync(new() { Certname = name, Reason = reason, Lift = act.Name == "release" }, o))).Trouble,
            _ => (await calls.Conductor((c, o) => c.TerminateInstanceAsync(new() { Certname = name, Reason = reason }, o), Long)).Trouble,
        };
        // One that waits for a step goes on by itself: the instance's page says so.
        return trouble is null || (act.Name == "terminate" && trouble.Reason == "REVOCATION_PENDING")
            ? Results.LocalRedirect($"/instances/{Uri.EscapeDataString(name)}?done={act.Name}", preserveMethod: false)
            : throw new PageException(trouble);
    }
}
