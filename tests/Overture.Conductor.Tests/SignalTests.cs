using Grpc.Health.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Signals whose default ends a process without a line. Each service starts by the same ServiceHost.</summary>
[Trait("Category", "integration")]
public sealed class SignalTests : IDisposable
{
    private readonly ConductorFixture world = new();

    [Fact]
    public async Task Sighup_AndItsLike_ReadCertificatesAgainAndNeverEndTheProcess()
    {
        var port = FreePort.Next();
        await using var conductor = world.StartProcess(port);
        using var channel = world.Pki.Channel(port, "viewer");
        var health = new Health.HealthClient(channel);
        await Eventually.True(() => ConductorFixture.Serves(health), "it serves");
        var files = world.Pki.Files("conductor");
        await conductor.Signal("PIPE");
        foreach (var signal in new[] { "HUP", "USR1", "USR2" })
        {
            await conductor.Signal(signal);
            await Eventually.True(() =>
                conductor.PrintedSoFar.Contains($"SIG{signal}: certificate {files.Certificate} read again, valid until",
                    StringComparison.Ordinal), signal);
        }
        // A key that is no key: what was read before stays, and that is said.
        await File.WriteAllTextAsync(files.Key, "-----BEGIN");
        await conductor.Signal("HUP");
        await Eventually.True(() => conductor.PrintedSoFar.Contains("SIGHUP: what was read before stays: no usable certificate",
            StringComparison.Ordinal), "it is said");
        using (var other = world.Pki.Channel(port, "operator"))
            Assert.True(await ConductorFixture.Serves(new Health.HealthClient(other)));
        await conductor.Terminate();
        await conductor.Ended(TimeSpan.FromSeconds(90));
        Assert.Equal(0, conductor.ExitCode);
    }

    [Fact]
    public async Task Sighup_WhileStarting_DoesNotEndTheProcess()
    {
        var port = FreePort.Next();
        await using var conductor = world.StartProcess(port);
        using var channel = world.Pki.Channel(port, "viewer");
        var health = new Health.HealthClient(channel);
        // From its own first statement on; before, the runtime itself is starting.
        await Eventually.True(async () => conductor.HasExited || await conductor.CatchesHangup(), "it takes the signal");
        await Eventually.True(async () =>
        {
            await conductor.Signal("HUP");
            return conductor.HasExited || await ConductorFixture.Serves(health);
        }, "it serves");
        Assert.False(conductor.HasExited);
    }

    public void Dispose() => world.Dispose();
}
