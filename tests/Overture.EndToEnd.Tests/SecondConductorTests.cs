using System.Diagnostics;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>The 2010 topology: a conductor on a workstation that shares only the bucket with the side where agents and CA are.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class SecondConductorTests(Stack stack)
{
    [Fact]
    public async Task Launch_FromAConductorWithItsOwnRedis_IsSignedClassifiedAndConverges()
    {
        await using var redis = await RedisServer.Start();
        using var home = new TempDirectory();
        var (port, reports, firstBoot) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var theirs = await File.ReadAllTextAsync($"{stack.Home}/etc/conductor.yaml");
        var config = theirs
            .Replace($"listen: 127.0.0.1:{Stack.Port(7001)}", $"listen: 127.0.0.1:{port}", StringComparison.Ordinal)
            .Replace($"127.0.0.1:{Stack.Port(8142)}", $"127.0.0.1:{reports}", StringComparison.Ordinal)
            .Replace($":{Stack.Port(8145)}", $":{firstBoot}", StringComparison.Ordinal)
            .Replace($"registry: {{ endpoint: \"127.0.0.1:{Stack.Port(6379)}\", user: conductor, " +
                $"passwordFile: \"{stack.Home}/redis/conductor.password\" }}",
                $"registry: {{ endpoint: \"{redis.Endpoint}\" }}", StringComparison.Ordinal)
            .Replace($"{stack.Home}/state/conductor", home.File("state"), StringComparison.Ordinal)
            .Replace($"directory: \"{stack.Home}/instances\"", $"directory: \"{home.File("instances")}\"", StringComparison.Ordinal)
            + "replica: workstation\n";
        await File.WriteAllTextAsync(home.File("conductor.yaml"), config);
        await File.WriteAllTextAsync(home.File("cli.yaml"), $$"""
            conductor: localhost:{{port}}
            classifier: localhost:{{Stack.Port(7003)}}
            certAuthority: localhost:{{Stack.Port(7002)}}
            tls: { certificate: "{{stack.Home}}/pki/operator.pem", key: "{{stack.Home}}/pki/operator.key", roots: "{{stack.Home}}/pki/ca.pem" }
            """);

        using var conductor = Process.Start(new ProcessStartInfo("dotnet")
        {
            ArgumentList = { Path.Combine(stack.Checkout, "services/Conductor/bin/Release/net10.0/Overture.Conductor.dll"), "--config",
                home.File("conductor.yaml") },
            RedirectStandardOutput = true,
        })!;
        conductor.OutputDataReceived += (_, _) => { };
        conductor.BeginOutputReadLine();
        try
        {
            await Eventually.True(async () => (await stack.Overture("--config", home.File("cli.yaml"), "health", "--service",
                "conductor")).ExitCode == 0, "the second Conductor is healthy");
            var launched = await stack.Json("--config", home.File("cli.yaml"), "launch", "-c", stack.Example, "--wait", "--timeout", "3m");
            Assert.Equal("INSTANCE_STATE_CONVERGED", launched["state"]!.GetValue<string>());
            var name = launched["certname"]!.GetValue<string>();
            Assert.True(Directory.Exists(home.File($"instances/{name}")), "it runs at the second Conductor");
            (await stack.Overture("--config", home.File("cli.yaml"), "instance", "terminate", name)).Ok();
            Assert.False(Directory.Exists(home.File($"instances/{name}")));
        }
        finally
        {
            (await Shell.Run("kill", "-TERM", $"{conductor.Id}")).Ok();
            await conductor.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(2));
        }
    }
}
