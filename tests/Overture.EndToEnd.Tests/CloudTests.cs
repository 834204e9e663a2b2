using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>Instances through the EC2 API with their records in S3, on real agents and a real puppetserver.</summary>
[Collection(nameof(CloudCollection))]
[Trait("Category", "e2e")]
public sealed class CloudTests(CloudStack stack)
{
    private const string Ours = CloudStack.Deployment + "/";

    [Fact]
    public async Task Launch_ThroughEc2AndS3_ConvergesWithARealAgentAndItsEndLeavesNothing()
    {
        // It happens, and its answer is lost: it is found again, and boots once.
        var before = stack.Cloud.Launched;
        stack.Cloud.LoseNextLaunch = true;
        var (name, id) = await Launch();
        Assert.Equal(before + 1, stack.Cloud.Launched);

        // 1. every step, in order; the certificate by the token and by the record in the bucket.
        // `running` is what a poll of the API saw: an instance that boots faster than the poll has sent its CSR before.
        await Eventually.True(async () => (await Timeline(name)).Contains("running"), "a poll saw it run");
        var steps = await Timeline(name);
        Assert.Equal(["requested", "launched", "csr-received", "signed", "collected", "classified", "converged"],
            steps.Where(s => s != "running"));
        Assert.InRange(steps.ToList().IndexOf("running"), 2, 7);
        var serial = await Serial(name);
        var keys = await stack.Keys();
        Assert.Superset(
            new[] { $"launches/{name}", $"nodes/{name}", $"instances/{name}/launched", $"instances/{name}/running",
            $"instances/{name}/converged", $"ca/claims/{name}/1", $"ca/certs/{serial}" }.Select(k => Ours + k).ToHashSet(),
            keys.ToHashSet());
        Assert.All(keys, k => Assert.StartsWith(Ours, k, StringComparison.Ordinal));

        // 2. what ran is what the API was given: cloud-init's own words, and what the catalog made
        var booted = stack.Cloud.Booted(id)!;
        Assert.Contains("cloud-init finished rc=0", await stack.Overture("instance", "console", name), StringComparison.Ordinal);
        Assert.Equal(id, (await booted.Inside("hostname")).Ok().Trim());
        Assert.Contains("demo@example", (await booted.Inside("cat", "/home/demo/.ssh/authorized_keys")).Ok(), StringComparison.Ordinal);
        Assert.DoesNotContain(serial.ToUpperInvariant(), await stack.Crl(), StringComparison.Ordinal);

        // 3. its end
        await stack.Overture("instance", "terminate", name);
        await Ended(name, id, serial, booted);
        Assert.Equal(["terminating", "revoked", "terminate-revocation-confirmed", "terminate-provider-asked", "terminate-stopped",
            "terminate-archived", "terminated"],
            (await Timeline(name)).Skip(8).Where(k => !k.StartsWith("terminate-waits-", StringComparison.Ordinal)));
        Matrix.Ran($"Debian's puppet-agent: {await Matrix.VersionOf("puppet-agent")}",
            $"puppetserver {await Matrix.VersionOf("puppetserver")}",
            "Debian GNU/Linux 12 (bookworm)", "S3 of moto", "launch through the EC2 API to converged, and its end", nameof(CloudTests));
    }

    [Fact]
    public async Task KilledAtTheCloudByHand_TheReconcilerRevokesAndCleansUp()
    {
        var (name, id) = await Launch();
        var serial = await Serial(name);
        var booted = stack.Cloud.Booted(id)!;
        stack.Cloud.Kill(name);
        await Eventually.True(() => booted.HasEnded && !stack.Cloud.Runs(id), "it is terminated at the API");

        // The cloud itself says that it ended: shown at the next look, and cleaned up at the next comparison; there is one a minute.
        await Eventually.True(async () => (await stack.Overture("instance", "list", name, "--condition", "gone", "-o", "name")).Length > 0
            || await State(name) != "INSTANCE_STATE_CONVERGED", "it is seen");
        await Ended(name, id, serial, booted, TimeSpan.FromMinutes(3));
    }

    [Fact]
    public async Task FirstEc2Fleet_AsThePageSays_IsLaunchedFromAProfileAndEnded()
    {
        using var host = new TutorialHost(RepositoryPaths.Root, CloudStack.PortOffset, stack.Home, "reader.example.com");
        foreach (var (name, value) in new[] { ("SERVER", "localhost"), ("PORT", $"{CloudStack.PortOffset + 8140}"),
            ("CA_PORT", $"{CloudStack.PortOffset + 8141}") })
        {
            host.Environment[name] = value;
        }
        // Its reader has the command line installed, and is set up.
        host.Environment["OVERTURE_HOME"] = stack.Home;
        host.Environment["PATH"] = $"{Path.GetDirectoryName(CloudStack.Binary)}:{Environment.GetEnvironmentVariable("PATH")}";
        await new Tutorial("docs/tutorials/02-first-ec2-fleet.md").Run(0, host, TimeSpan.FromMinutes(8));
    }

    private async Task<(string Name, string Id)> Launch()
    {
        var launched = await stack.Json("launch", "-c", stack.Example, "--wait", "--timeout", "3m");
        Assert.True(launched["converged"]!.GetValue<bool>(), launched.ToJsonString());
        return (launched["certname"]!.GetValue<string>(), launched["instances"]![0]!["instanceId"]!.GetValue<string>());
    }

    // Terminated here and there; nothing of it runs or is kept; its certificate is revoked; the bucket has what it was.
    private async Task Ended(string name, string id, string serial, BootedInstance booted, TimeSpan? limit = null)
    {
        await Eventually.True(async () => await State(name) == "INSTANCE_STATE_TERMINATED", $"{name} is terminated", limit);
        Assert.False(stack.Cloud.Runs(id));
        await Eventually.True(() => !Directory.Exists(booted.Folder), "its directory is gone");
        Assert.Empty(HostProcesses.With(booted.Folder));
        Assert.Contains(serial.ToUpperInvariant(), await stack.Crl(), StringComparison.Ordinal);
        var keys = await stack.Keys();
        Assert.Superset(new[] { $"instances/{name}/terminating", $"instances/{name}/terminated", $"ca/closed/{name}",
            $"ca/revoked/{serial}" }.Select(k => Ours + k).ToHashSet(), keys.ToHashSet());
        Assert.DoesNotContain($"{Ours}nodes/{name}", keys);
        var history = await Task.WhenAll(keys.Where(k => k.StartsWith($"{Ours}history/{name}/", StringComparison.Ordinal))
            .Select(stack.Object));
        Assert.Contains("login_allowed", Assert.Single(history,
            h => h["kind"]!.GetValue<string>() == "archived")["document"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    // Without what the instance says of its boot, which is best effort.
    private async Task<IReadOnlyList<string>> Timeline(string name) =>
        [.. (await stack.Json("instance", "timeline", name))["events"]!.AsArray().Select(e => e!["key"]!.GetValue<string>())
            .Where(k => !k.StartsWith("boot-stage:", StringComparison.Ordinal) && !k.StartsWith("agent-said:", StringComparison.Ordinal))];

    private async Task<string> Serial(string name) => (await stack.Json("certificate", "show", name))["serial"]!.GetValue<string>();

    private async Task<string> State(string name) => (await stack.Json("instance", "show", name))["instance"]!["state"]!.GetValue<string>();
}
