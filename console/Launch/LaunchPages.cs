using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Overture.Conductor.V1;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Records;

namespace Overture.Console.Launch;

/// <summary>A launch from a profile: what it would be (GET), then the act (POST), then what was started, live.</summary>
internal static class LaunchPages
{
    // The Conductor's own limit.
    public const int Most = 100;

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(2);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/launch", Show).OnListener(ConsoleHost.Web);
        app.MapPost("/launch", (Delegate)Launch).OnListener(ConsoleHost.Web);
        app.MapGet("/launched", (Delegate)Launched).OnListener(ConsoleHost.Web);
        app.MapGet("/launched/events", (Delegate)Events).OnListener(ConsoleHost.Web);
    }

    private static async Task<IResult> Show(HttpContext http, Ids ids)
    {
        var (calls, chosen) = (Calls.Of(http), $"{http.Request.Query["profile"]}");
        // 1. What there is, and what the chosen one would be: the Conductor launches nothing for that.
        var profiles = calls.Conductor((c, o) => c.ListProfilesAsync(new(), o));
        var preview = chosen.Length == 0 ? Task.FromResult(new Answer<PreviewLaunchResponse>(null, null))
            : calls.Conductor((c, o) => c.PreviewLaunchAsync(new() { Profile = chosen }, o), Long);
        await Task.WhenAll(profiles, preview);
        foreach (var over in new[] { (await profiles).Trouble, (await preview).Trouble }.Where(t => t?.EndsSession == true))
            throw new PageException(over!);
        if (http.Request.Query["format"] == "json")
        {
            return Page.Json(("profiles", (await profiles).Value, (await profiles).Trouble),
                ("preview", (await preview).Value, (await preview).Trouble));
        }
        // 2. With the id under which a repeated form finds the same instances.
        var command = (await preview).Value is not null && IsPlain(chosen) ? $"overture launch --profile {chosen} --dry-run"
            : "overture profile list";
        return Page.Html<LaunchPage>(("Frame", Frame.Of(http, chosen.Length > 0 ? $"Launch {chosen}" : "Launch", "launch") with
            { Command = command }),
            ("Profiles", await profiles), ("Preview", await preview), ("Chosen", chosen), ("RequestId", ids.Ordered()),
            ("MayChange", Session.Required(http).MayChange));
    }

    private static async Task<IResult> Launch(HttpContext http)
    {
        var form = await Forms.Read(http);
        if (!int.TryParse($"{form["count"]}", out var count) || count is < 1 or > Most)
            throw new FormException($"How many must be 1 to {Most}.");
        var request = new LaunchInstancesRequest { Profile = $"{form["profile"]}", RequestId = $"{form["request_id"]}", Count = count };
        if (request.Profile.Length == 0 || request.RequestId.Length == 0)
            throw new FormException("The form names no profile.");
        var answer = (await Calls.Of(http).Conductor((c, o) => c.LaunchInstancesAsync(request, o), Long)).Demand();
        // Those that the provider refused have their page too, which says why.
        var names = ShortNames.Query(answer.Results.Select(r => r.Instance.Certname));
        return Results.LocalRedirect($"/launched?profile={Uri.EscapeDataString(request.Profile)}&{names}", preserveMethod: false);
    }

    private static async Task<IResult> Launched(HttpContext http)
    {
        var (calls, names) = (Calls.Of(http), ShortNames.Of(http.Request.Query));
        var instances = await Task.WhenAll(names.Select(n => calls.Conductor((c, o) => c.GetInstanceAsync(new() { Certname = n }, o))));
        if (instances.FirstOrDefault(i => i.Trouble?.EndsSession == true)?.Trouble is { } over)
            throw new PageException(over);
        // Each is there or not by itself.
        var found = instances.Where(i => i.Value is not null).Select(i => i.Value!.Instance).ToList();
        var missing = names.Zip(instances).Where(i => i.Second.Trouble is not null).Select(i => (i.First, i.Second.Trouble!)).ToList();
        return http.Request.Query["format"] == "json"
            ? Page.Json([("instances", new ListInstancesResponse { Instances = { found } }, null), .. missing.Select(m =>
                (m.First, (IMessage?)null, (Trouble?)m.Item2))])
            : Page.Html<LaunchedPage>(("Frame", Frame.Of(http, "Launched", "launch") with
                { Command = found.Count > 0 ? $"overture instance watch {string.Join(' ', found.Select(i => i.Certname))}" : "",
                  Events = $"/launched/events?{ShortNames.Query(found.Select(i => i.Certname))}" }),
                ("Instances", found), ("Absent", missing), ("Profile", $"{http.Request.Query["profile"]}"));
    }

    private static Task Events(HttpContext http) => LiveEvents.Send(http, [new() { Certnames = { ShortNames.Of(http.Request.Query) } }]);

    // It comes into a command that people copy.
    private static bool IsPlain(string profile) => profile.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
