using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.Terminate;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>The end of an instance that its cloud did not start: at once where that is sure, and never before it is.</summary>
public sealed class NeverStartedTests : IAsyncLifetime
{
    private static readonly TimeSpan Seconds = TimeSpan.FromSeconds(60);
    private readonly ConductorFixture world = new();
    private Ec2Double cloud = null!;
    private Ec2Provider provider = null!;
    private ObjectStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        cloud = await Ec2Double.Start();
        provider = Ec2ProviderTests.Open(cloud.Url, "aws");
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        provider.Dispose();
        await cloud.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Terminate_RefusedByTheCloud_IsOverInSecondsAlsoAfterRetries()
    {
        cloud.RefuseLaunches = 6;
        var names = await Launch(4);
        foreach (var name in names[..2])
            Assert.Equal("PROVIDER_FAILED", (await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString() })).Reason);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(names.Select(Terminate));
        Assert.True(watch.Elapsed < Seconds, $"took {watch.Elapsed}");
        Assert.All(names, n => Assert.Equal(InstanceState.Terminated, Get(n).State));
        Assert.Equal(0, cloud.Launched);
        Assert.DoesNotContain(cloud.Calls, c => c["Action"] == "TerminateInstances");
    }

    // It has no credentials for that cloud, and needs none.
    [Fact]
    public async Task Terminate_RefusedAndItsConductorIsGone_IsOverInSeconds()
    {
        cloud.RefuseLaunches = 1;
        var name = (await Launch(1)).Single();
        await host.DisposeAsync();
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store }, replica: "2");
        await Terminate(name);
        Assert.Equal(InstanceState.Terminated, Get(name).State);
    }

    // The second try of one call was refused; the first had started it, and its answer was lost.
    [Fact]
    public async Task Terminate_RefusedAfterALostAnswer_WaitsUntilItIsFoundAndEndsIt()
    {
        (cloud.LoseNextLaunch, cloud.RefuseAfterLost, cloud.ListedLate) = (true, 1, int.MaxValue);
        var name = (await Launch(1)).Single();
        Assert.Equal(InstanceTrouble.LaunchFailed, Get(name).Trouble);
        await Close(name);
        var saga = host.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        Assert.Contains("does not list it yet", await saga.Advance(name, default), StringComparison.Ordinal);
        Assert.Null(await store.Get(ObjectKeys.Fact(name, "terminated"), default));
        cloud.ListAll();
        Assert.Null(await saga.Advance(name, default));
        Assert.Equal(1, cloud.Launched);
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    // An attempt is written down before it is made: the answer to the one before it says nothing about it.
    [Fact]
    public async Task Terminate_RetriedAndKilledInIt_WaitsUntilItIsFoundAndEndsIt()
    {
        cloud.RefuseLaunches = 1;
        var name = (await Launch(1)).Single();
        cloud.ListedLate = int.MaxValue;
        // All that a Conductor leaves that is killed after the cloud took the launch.
        await host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.LaunchAttempt + "1" }, default);
        await provider.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n", again: true, default);
        await Close(name);
        var saga = host.Get<TerminateSaga>();
        await saga.Begin(name, "admin", "", default);
        Assert.NotNull(await saga.Advance(name, default));
        cloud.ListAll();
        Assert.Null(await saga.Advance(name, default));
        Assert.All(await provider.Inventory(default), l => Assert.True(l.Seen.IsGone));
    }

    [Fact]
    public async Task Retry_EndedOutside_IsTerminatedAndNoFaultOfTheLaunchSpec()
    {
        (cloud.LoseNextLaunch, cloud.RefuseAfterLost, cloud.ListedLate) = (true, 1, int.MaxValue);
        var name = (await Launch(1)).Single();
        cloud.Kill(name.ToString());
        var answer = await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString() });
        Assert.Equal(("INSTANCE_ENDED", InstanceState.Terminating), (answer.Reason, answer.Instance.State));
        Assert.DoesNotContain("launch spec", answer.Detail, StringComparison.Ordinal);
        var fact = (await store.Get<InstanceFact>(ObjectKeys.Fact(name, "terminating"), default))!;
        Assert.StartsWith("ended outside Overture: ", fact.Detail, StringComparison.Ordinal);
        await Close(name);
        Assert.Null(await host.Get<TerminateSaga>().Advance(name, default));
        Assert.Equal(InstanceState.Terminated, Get(name).State);
    }

    [Fact]
    public async Task Retry_ManyTimes_WritesFewFactsAndIsSureNoMore()
    {
        cloud.RefuseLaunches = 20;
        var name = (await Launch(1)).Single();
        for (var tries = 0; tries < 14; tries++)
            await host.As("admin").RetryInstanceAsync(new() { Certname = name.ToString() });
        var records = (await host.Get<InstanceRecordsReader>().Read(name, default))!;
        Assert.Equal(11, records.Facts.Count(f => f.Event.StartsWith(InstanceEvents.LaunchAttempt, StringComparison.Ordinal)));
        Assert.Equal(12, records.Facts.Count(f => f.Event.StartsWith(InstanceEvents.LaunchRefused, StringComparison.Ordinal)));
        Assert.False(LaunchAttempts.StartedNothing(records));
    }

    [Fact]
    public async Task Start_Refused_SaysWhatItMeans()
    {
        var name = TestIds.New().CertName();
        async Task<NotStarted> Means(int status, string code)
        {
            cloud.Instead.Enqueue((status, code.StartsWith('<') ? code : Ec2Double.Error(code)));
            return (await Assert.ThrowsAsync<ProviderException>(
                () => provider.Start(name, Ec2ProviderTests.Spec(), "#cloud-config\n", again: false, default))).Means;
        }

        // The image: the cloud was not asked to start anything yet.
        Assert.Equal(NotStarted.Nothing, await Means(400, "InvalidAMIID.NotFound"));
        await provider.Start(TestIds.New().CertName(), Ec2ProviderTests.Spec(), "#cloud-config\n", again: false, default);
        Assert.Equal(NotStarted.Nothing, await Means(400, "VcpuLimitExceeded"));
        Assert.Equal(NotStarted.Nothing, await Means(403, "UnauthorizedOperation"));
        Assert.Equal(NotStarted.Unclear, await Means(400, "IdempotentParameterMismatch"));
        Assert.Equal(NotStarted.Ended, await Means(400, "IdempotentInstanceTerminated"));
        // Of whatever stands between.
        Assert.Equal(NotStarted.Unclear, await Means(403, "<html>no</html>"));
        cloud.Instead.Enqueue((500, Ec2Double.Error("InternalError")));
        Assert.Equal(NotStarted.Unclear, await Means(400, "VcpuLimitExceeded"));
    }

    private async Task<CertName[]> Launch(int count) =>
        [.. (await host.As("admin").LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec(), Count = count })).Results
            .Select(r => CertName.Parse(r.Instance.Certname))];

    private async Task Terminate(CertName name)
    {
        await Close(name);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
    }

    private Task Close(CertName name) =>
        store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);

    private Instance Get(CertName name) => host.As("viewer").GetInstance(new() { Certname = name.ToString() }).Instance;
}
