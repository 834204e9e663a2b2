using System.Collections.Concurrent;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What the console asks for the first page of a large fleet, at a real Conductor.</summary>
[Trait("Category", "integration")]
public sealed class FleetPageTests
{
    [Fact]
    public async Task FirstPage_OfTenThousand_IsAnsweredFromMemory()
    {
        const int Count = 10_000;
        using var world = new ConductorFixture();
        var read = new ConcurrentQueue<string>();
        var store = new FaultyStore(world.OpenStore())
        {
            BeforeGet = key =>
            {
                read.Enqueue(key);
                return Task.CompletedTask;
            },
        };
        await using var host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store });
        var rows = host.Get<InstanceRows>();
        var now = TimeProvider.System.GetUtcNow();
        await host.Get<InstanceTable>().FirstLook.WaitAsync(TimeSpan.FromMinutes(1));
        for (var i = 0; i < Count; i++)
            rows.Keep(Converged(TestIds.New().CertName(), now.AddSeconds(-i * 8), now));
        var client = host.As("viewer");
        read.Clear();
        await Ask(client);
        // Of no instance, nor of its certificate, definition or reports.
        Assert.DoesNotContain(read, key => rows.All.Any(r => key.Contains(r.Name.ToString(), StringComparison.Ordinal)));
    }

    private static async Task Ask(ConductorService.ConductorServiceClient client)
    {
        var counts = client.SummarizeInstancesAsync(new());
        var causes = client.SummarizeCausesAsync(new());
        var list = client.ListInstancesAsync(new() { PageSize = 50 });
        var taken = client.SummarizeConvergenceAsync(new());
        Assert.Equal(10_000, (await counts).Total);
        Assert.Equal(0, (await causes).Broken);
        Assert.Equal(50, (await list).Instances.Count);
        Assert.Equal(1_000, (await taken).Steps[^1].Count);
    }

    private static InstanceRow Converged(CertName name, DateTimeOffset at, DateTimeOffset now)
    {
        InstanceFact Fact(string what, int seconds) =>
            new() { Certname = $"{name}", Event = what, At = at.AddSeconds(seconds).ToTimestamp() };
        return new(new InstanceRecords
        {
            Name = name,
            Launch = new LaunchRecord { Schema = 1, Certname = $"{name}", NotBefore = at.ToTimestamp(), Provider = "registered",
                Profile = "web" },
            Facts = [Fact(InstanceEvents.Converged, 90)],
            Claim = new Claimed("1", "01ab", at.AddSeconds(40).ToTimestamp()),
            Certificate = new Signed("01ab", at.AddSeconds(41).ToTimestamp()),
            FirstServed = new Served("1", at.AddSeconds(50).ToTimestamp()),
        }, now);
    }
}
