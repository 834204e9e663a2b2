using System.Net;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// What is removed when an instance converged or ends is hygiene: a store that lets nothing go (a bucket's policy without that right) holds
/// up neither, says so once, and is asked again.
/// </summary>
[Trait("Category", "integration")]
public sealed class RemainsTests : IAsyncLifetime
{
    private readonly LoggedLines<InstanceRemains> log = new();
    private readonly FirstBootWorld world;

    public RemainsTests() => world = new FirstBootWorld { RemainsLog = log };

    public Task InitializeAsync() => world.Start();

    public async Task DisposeAsync() => await world.DisposeAsync();

    [Fact]
    public async Task Terminate_StoreThatRefusesToRemove_EndsAndIsCleanedUpLater()
    {
        CertName[] names = [await world.Register(), await world.Register()];
        Refuse();
        foreach (var name in names)
        {
            await world.Say(name, "Could not request certificate: Connection refused - connect(2)");
            await world.Store.PutIfAbsent(ObjectKeys.Closed(name),
                new Closure { Schema = 1, Certname = $"{name}", At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
            var ended = await world.Host.As("admin").TerminateInstanceAsync(new() { Certname = $"{name}" });
            Assert.Equal(InstanceState.Terminated, ended.Instance.State);
        }
        Assert.Equal((2, 2), await Left(names));
        // once for each kind, however many ended, with what mends it
        var said = log.Of("remains.kept");
        Assert.Equal(2, said.Count);
        Assert.All(said, l => Assert.Contains("let the Conductor's key delete objects in ", l, StringComparison.Ordinal));

        await Sweep();
        Assert.Equal((2, 2), await Left(names));
        world.Store.BeforeDelete = null;
        await Sweep();
        Assert.Equal((0, 0), await Left(names));
        Assert.Equal(2, log.Of("remains.kept").Count);
    }

    // A new definition of the name is somebody's; what lives needs its words.
    [Fact]
    public async Task Sweep_OfWhatIsNeeded_LeavesIt()
    {
        CertName living = await world.Register(), ended = await world.Register();
        await world.Say(living, "Could not request certificate: Connection refused - connect(2)");
        Refuse();
        await world.Store.PutIfAbsent(ObjectKeys.Closed(ended),
            new Closure { Schema = 1, Certname = $"{ended}", At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
        await world.Host.As("admin").TerminateInstanceAsync(new() { Certname = $"{ended}" });
        world.Store.BeforeDelete = null;
        var held = (await world.Store.Get(ObjectKeys.Node(ended), default))!;
        await world.Store.PutIfMatch(ObjectKeys.Node(ended), "classes: {}\n"u8.ToArray(), held.ETag, default);
        await Sweep();
        Assert.Equal((1, 2), await Left(living, ended));
    }

    [Fact]
    public async Task Post_OfOneThatHasConverged_IsOverThoughTheStoreRefuses()
    {
        var name = await world.Register();
        await world.Say(name, "Could not request certificate: Connection refused - connect(2)");
        await world.Host.Get<InstanceEventStore>().Write(name, new InstanceFact { Event = InstanceEvents.Converged }, default);
        await world.Host.Get<InstanceTable>().Refold(name, default);
        Refuse();
        Assert.Equal(HttpStatusCode.Gone, await world.Post(name, world.TokenOf(name), """{"time": 1764570000.5}"""));
    }

    private void Refuse() => world.Store.BeforeDelete = key => throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
        "the object store s3://x refuses us (AccessDenied): check the key and its policy");

    private async Task Sweep()
    {
        await world.Host.Get<InstanceTable>().FirstLook.WaitAsync(TimeSpan.FromSeconds(60));
        await world.Host.Get<InstanceRemains>().Sweep(default);
    }

    // What they said, and their definitions.
    private async Task<(int Said, int Defined)> Left(params CertName[] names)
    {
        var keys = await world.Store.List(ObjectKeys.FirstBoots, null, default).Concat(world.Store.List(ObjectKeys.Nodes, null, default))
            .ToListAsync();
        return (keys.Count(k => names.Any(n => k == ObjectKeys.FirstBoot(n))), keys.Count(k => names.Any(n => k == ObjectKeys.Node(n))));
    }
}
