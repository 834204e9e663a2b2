using System.Diagnostics;
using Grpc.Core;
using Overture.Conductor.V1;
using Grpc.Health.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// SIGTERM for a Conductor process with waiting callers: each gets an answer, and the process is gone in time (threats F58).
/// </summary>
[Trait("Category", "integration")]
public sealed class DrainTests : IDisposable
{
    private readonly ConductorFixture world = new();

    [Fact]
    public async Task F58_SigtermWhileCallsAreHeld_EachIsToldToTryAgainAndTheProcessEnds()
    {
        var port = FreePort.Next();
        await using var conductor = world.StartProcess(port);
        using var channel = world.Pki.Channel(port, "admin");
        var health = new Health.HealthClient(channel);
        await Eventually.True(() => ConductorFixture.Serves(health), "it serves");
        var client = new ConductorService.ConductorServiceClient(channel);
        var name = (await client.RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec() })).Instance.Certname;
        using var watch = client.WatchInstances(new WatchInstancesRequest { Certnames = { name } });
        Assert.True(await watch.ResponseStream.MoveNext(default));
        using var probe = health.Watch(new HealthCheckRequest { Service = "liveness" });
        Assert.True(await probe.ResponseStream.MoveNext(default));
        // It waits for a CertAuthority, which is not there.
        var terminate = client.TerminateInstanceAsync(new() { Certname = name }).ResponseAsync;
        await Eventually.True(async () => (await client.GetInstanceAsync(new() { Certname = name }))
            .Instance.State == InstanceState.Terminating, "the end has begun");

        await conductor.Terminate();
        var since = Stopwatch.StartNew();
        var watched = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await watch.ResponseStream.MoveNext(default))
                continue; // what was sent before
        });
        Assert.Equal((StatusCode.Unavailable, "SHUTTING_DOWN"), (watched.StatusCode, RpcDetails.Reason(watched)));
        Assert.False(await probe.ResponseStream.MoveNext(default));
        Assert.True(since.Elapsed < TimeSpan.FromSeconds(15), $"streams ended after {since.Elapsed}");
        var waited = await Assert.ThrowsAsync<RpcException>(() => terminate);
        Assert.Equal((StatusCode.Unavailable, "SHUTTING_DOWN"), (waited.StatusCode, RpcDetails.Reason(waited)));
        await conductor.Ended(TimeSpan.FromSeconds(90));
        Assert.InRange(since.Elapsed.TotalSeconds, 0, 60);
        Assert.True(conductor.ExitCode == 0, await conductor.Printed());

        // The end goes on at the next start.
        Assert.NotNull(await world.OpenStore().Get(ObjectKeys.Fact(CertName.Parse(name), "terminating"), default));
    }

    public void Dispose() => world.Dispose();
}
