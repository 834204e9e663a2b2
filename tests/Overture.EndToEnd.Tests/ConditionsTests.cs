using System.Globalization;
using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// A fleet in trouble, made for real: what a person sees of it in `list`, `show`, `--summary`, the API's JSON and exit codes.
/// </summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class ConditionsTests(Stack stack)
{
    private static readonly TimeSpan Scan = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task EachCondition_MadeForReal_IsShownEverywhereAndGoesWithItsCause()
    {
        // Two instances, whose conditions are waited for side by side.
        var names = await stack.Launch(2);
        foreach (var name in names)
            Assert.Equal("", await Conditions(name));
        var both = Task.WhenAll(OfOneThatStays(names[0]), OfOneThatIsLost(names[1]));
        try
        {
            await both;
        }
        catch (Exception) when (both.Exception is { InnerExceptions.Count: > 1 })
        {
            throw both.Exception;
        }
        finally
        {
            // One that failed halfway is perhaps protected.
            await stack.Overture(["instance", "terminate", "--force", .. names]);
        }
    }

    private async Task OfOneThatStays(string name)
    {
        // 1. what people do
        (await stack.Overture("instance", "protect", name)).Ok();
        (await stack.Overture("instance", "ttl", name, "20m")).Ok();
        (await stack.Overture("instance", "quarantine", name, "--reason", "a look at it")).Ok();
        Assert.Equal("quarantined,expiring,protected", await Conditions(name));
        Assert.Equal(["--summary has it"], await Summary("quarantined") > 0 ? ["--summary has it"] : []);
        (await stack.Overture("instance", "quarantine", name, "--lift", "--reason", "done")).Ok();
        (await stack.Overture("instance", "protect", name, "--off")).Ok();

        // 2. a broken edit in the bucket, which the agent's next run meets
        var definition = Path.Combine(stack.Home, "objects/nodes", name);
        var good = await File.ReadAllTextAsync(definition);
        await File.WriteAllTextAsync(definition, "classes: [unclosed\n");
        await stack.AskForARun(name);
        await Shows(name, "definition-broken,expiring");
        await File.WriteAllTextAsync(definition, good);
        await Shows(name, "expiring");

        // 3. a class that there is not: the last run failed, and that is said until the next good one
        await File.WriteAllTextAsync(definition,
            good.Replace("\"classes\":", "\"classes\":\n  \"login_alowed\": {}", StringComparison.Ordinal));
        await RunsUntil(name, "run-failed,expiring");
        Assert.Contains("login_alowed", (await stack.Overture("instance", "show", name)).Ok(), StringComparison.Ordinal);
        await File.WriteAllTextAsync(definition, good);
        await RunsUntil(name, "expiring");

        // 4. and it ends
        (await stack.Overture("instance", "terminate", name)).Ok();
        Assert.Equal("", await Conditions(name));
    }

    // Its processes are gone, its certificate is revoked, its definition is lost: the true causes first.
    private async Task OfOneThatIsLost(string name)
    {
        (await stack.Overture("instance", "ttl", name, "20m")).Ok();
        foreach (var process in HostProcesses.With(Path.Combine(stack.Home, "instances", name)))
            await Shell.Run("kill", "-9", process.Split(':')[0]);
        await Shows(name, "gone,expiring");
        (await stack.Overture("certificate", "revoke", name, "--reason", "keyCompromise")).Ok();
        File.Delete(Path.Combine(stack.Home, "objects/nodes", name));
        await Shows(name, "revoked,gone,unclassified,expiring", TimeSpan.FromMinutes(5));
        var shown = (await stack.Overture("instance", "show", name)).Ok();
        Assert.All(new[] { "revoked for ", "(STOPPED)", "(DEFINITION_MISSING)", $"next: overture node set {name} -f FILE" },
            text => Assert.Contains(text, shown, StringComparison.Ordinal));
        Assert.Contains(name, (await stack.Overture("instance", "list", "--condition", "gone,stalled", "-o", "name")).Ok(),
            StringComparison.Ordinal);
        Assert.DoesNotContain(name, (await stack.Overture("instance", "list", "--condition", "silent", "-o", "name")).Ok(),
            StringComparison.Ordinal);
        // it converged once, and is not well
        Assert.Equal(1, (await stack.Overture("instance", "watch", name, "--until-settled", "--timeout", "1m")).ExitCode);
        var json = (await stack.Json("instance", "show", name))["instance"]!;
        Assert.Equal(["ERROR", "ERROR", "ERROR", "INFO"],
            json["conditions"]!.AsArray().Select(c => c!["severity"]!.GetValue<string>()["CONDITION_SEVERITY_".Length..]));

        // and it ends
        (await stack.Overture("instance", "terminate", name)).Ok();
        Assert.Equal("", await Conditions(name));
    }

    [Fact]
    public async Task WhatOvertureRunsOn_IsLeftOutProtectedAndEndsByForceAlone()
    {
        var listed = (await stack.Json("instance", "list"))["instances"]!.AsArray().Select(i => i!["certname"]!.GetValue<string>())
            .ToList();
        var all = (await stack.Json("instance", "list", "--all"))["instances"]!.AsArray();
        var own = all.Where(i => i!["role"]?.GetValue<string>() is "overture" or "puppetserver" && !IsOver(i)).Select(i => i!).ToList();
        // the puppetserver, the Conductor's listener for reports, the Classifier's for nodes
        Assert.True(own.Count >= 3, $"{own.Count}");
        Assert.All(own, i => Assert.DoesNotContain(i["certname"]!.GetValue<string>(), listed));
        Assert.All(own, i => Assert.True(i["protected"]!.GetValue<bool>()));
        foreach (var role in new[] { "overture", "puppetserver" })
        {
            var name = own.First(i => i["role"]!.GetValue<string>() == role)["certname"]!.GetValue<string>();
            var refused = await stack.Overture("instance", "terminate", name);
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("--force", refused.Errors, StringComparison.Ordinal);
        }
        var before = all.Count(i => !IsOver(i));
        var none = await stack.Overture("instance", "terminate", "--profile", "overture", "--yes");
        Assert.Contains("no instance is selected", none.Errors, StringComparison.Ordinal);
        Assert.Equal(before, (await stack.Json("instance", "list", "--all"))["instances"]!.AsArray().Count(i => !IsOver(i)));
    }

    private static bool IsOver(JsonNode? instance) =>
        instance!["state"]!.GetValue<string>() is "INSTANCE_STATE_TERMINATED" or "INSTANCE_STATE_TERMINATING";

    private Task Shows(string name, string conditions, TimeSpan? limit = null) =>
        Eventually.True(async () => await Conditions(name) == conditions, $"{name} shows {conditions}", limit ?? Scan);

    // An agent that is at it does not hear that it is asked.
    private async Task RunsUntil(string name, string conditions)
    {
        var asked = TimeProvider.System.GetTimestamp();
        await stack.AskForARun(name);
        await Eventually.True(async () =>
        {
            if (TimeProvider.System.GetElapsedTime(asked) > TimeSpan.FromSeconds(15))
            {
                asked = TimeProvider.System.GetTimestamp();
                await stack.AskForARun(name);
            }
            return await Conditions(name) == conditions;
        }, $"{name} ran, and shows {conditions}", TimeSpan.FromMinutes(2));
    }

    // As `list` has them.
    private async Task<string> Conditions(string name) =>
        (await stack.Overture("instance", "list", name, "--all", "--no-headers")).Ok().Split(' ', StringSplitOptions.RemoveEmptyEntries) is
            [_, _, var conditions, ..] && !char.IsAsciiDigit(conditions[0]) ? conditions : "";

    private async Task<int> Summary(string condition) =>
        (await stack.Json("instance", "list", "--summary"))["conditions"]?.AsArray()
            .FirstOrDefault(c => c!["type"]!.GetValue<string>() == $"CONDITION_TYPE_{condition.ToUpper(CultureInfo.InvariantCulture)}")
            ?["count"]!.GetValue<int>() ?? 0;
}
