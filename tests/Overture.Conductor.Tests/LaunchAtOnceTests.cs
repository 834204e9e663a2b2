using Grpc.Core;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What goes on at once in a launch, and what is said at once of a bad one.</summary>
public sealed class LaunchAtOnceTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private ConductorHost host = null!;

    public async Task InitializeAsync() => host = await ConductorHost.Start(world, new() { Provider = provider });

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Launch_SlowProvider_FiveAskItWhileTheRecordsOfTheNextAreWritten()
    {
        var answers = new TaskCompletionSource();
        var (asking, most) = (0, 0);
        provider.BeforeStart = async _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref asking));
            await answers.Task;
            Interlocked.Decrement(ref asking);
        };

        var launch = host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(), Count = 30, RequestId = "slow" })
            .ResponseAsync;
        await Eventually.True(async () => (await host.Get<InstanceTable>().Names(default)).Count == 20, "20 are recorded");
        await Eventually.True(() => Volatile.Read(ref asking) == 5, "5 are asked for");
        answers.SetResult();

        Assert.All((await launch).Results, r => Assert.Equal(("", InstanceState.Running), (r.Reason, r.Instance.State)));
        Assert.Equal((30, 5), (provider.Starts.Count, most));
    }

    [Fact]
    public async Task Register_RequestIdAndSpecBreakRules_AllAreSaid()
    {
        var refused = await Assert.ThrowsAsync<RpcException>(() => host.As("admin").RegisterInstanceAsync(
            new() { RequestId = ".hidden", Spec = ConductorFixture.Spec(s => s.Role = "king") }).ResponseAsync);
        Assert.Equal(["request_id", "spec.role"],
            RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => v.Field).Order());
    }
}
