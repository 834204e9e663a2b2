using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Local;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What a Conductor does at start about the local instances it finds.</summary>
[Trait("Category", "integration")]
public sealed class BootAgainTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private ConductorHost host = null!;

    public async Task InitializeAsync() => host = await Start();

    public async Task DisposeAsync()
    {
        foreach (var name in host.Get<LocalProvider>().Kept())
            await host.Get<LocalProvider>().Stop(name, "", default, default);
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Restart_InstanceStillRuns_IsLeftAlone()
    {
        var name = await Launch();
        var process = Directory(name).Process;
        await Restart();
        var other = await Launch(); // by now the start-up look at the first has begun
        await Eventually.True(() => Directory(other).IsRunning, "the other one runs");
        Assert.Equal(process, Directory(name).Process);
        Assert.True(Directory(name).IsRunning);
    }

    [Fact]
    public async Task Restart_HostCameBack_InstancesAreBootedAgain()
    {
        var (a, b) = (await Launch(), await Launch());
        await Die(a);
        await Die(b);
        await Restart();
        await Eventually.True(() => Directory(a).IsRunning && Directory(b).IsRunning, "both run again");
    }

    [Fact]
    public async Task Restart_KilledBeforeTheFact_TheFactIsWritten()
    {
        var name = await Launch();
        await host.DisposeAsync();
        var store = world.OpenStore();
        await store.Delete(ObjectKeys.Fact(name, "launched"), default);
        host = await Start();
        await Eventually.True(async () => (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() }))
            .Instance.State == InstanceState.Running, "it is known to run");
    }

    [Fact]
    public async Task Restart_TerminatedOneLeftSomething_ItIsRemoved()
    {
        var name = await Launch();
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminating }, default);
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Terminated }, default);
        await Restart();
        await Eventually.True(() => !System.IO.Directory.Exists(Directory(name).Path), "nothing is left");
    }

    [Fact]
    public async Task Restart_DirectoryGoneOrUnknown_NothingIsStarted()
    {
        var name = await Launch();
        await host.Get<LocalProvider>().Stop(name, "", default, default);
        var stranger = Directory(TestIds.New().CertName());
        stranger.Seed(LocalImages.Host, "x", "x");
        await Restart();
        var other = await Launch();
        await Die(other);
        await Restart();
        await Eventually.True(() => Directory(other).IsRunning, "the third one is up again, so the look at start is over or nearly");
        Assert.False(Directory(name).IsRunning);
        Assert.False(stranger.IsRunning);
        System.IO.Directory.Delete(stranger.Path, recursive: true);
    }

    [Fact]
    public async Task Terminate_LocalInstance_LeavesNoProcessAndNoDirectory()
    {
        var name = await Launch();
        await world.OpenStore().PutIfAbsent(ObjectKeys.Closed(name), new Closure { Schema = 1 }, default);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
        Assert.False(System.IO.Directory.Exists(Directory(name).Path));
        Assert.Equal("", (await Shell.Run("pgrep", "-f", $"run .*{name}")).Output);
    }

    private async Task Die(CertName name)
    {
        Directory(name).Process!.Kill();
        await Eventually.True(() => !Directory(name).IsRunning && !Directory(name).IsLocked(), "it is dead");
    }

    private async Task Restart()
    {
        await host.DisposeAsync();
        host = await Start();
    }

    private InstanceDirectory Directory(CertName name) => new(world.Data.File($"instances/{name}"));

    private async Task<CertName> Launch() =>
        CertName.Parse((await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single()
            .Instance.Certname);

    private Task<ConductorHost> Start()
    {
        var script = world.Data.File("pretend.sh");
        if (!File.Exists(script))
        {
            File.WriteAllText(script, LocalProviderTests.Script);
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        return ConductorHost.Start(world, null,
            o => o with { Local = new LocalOptions { Script = script, Directory = world.Data.File("instances") } });
    }
}
