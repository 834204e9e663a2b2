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
    // Minutes: however many instances there are, they converged in these hours.
    private const int Spread = 900;

    [Fact]
    public async Task FirstPage_IsAnsweredFromMemory_InAsManyBytesForTenThousandAsForAThousand()
    {
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
        var clock = new LeapClock();
        await using var host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store, Clock = clock });
        var rows = host.Get<InstanceRows>();
        var now = TimeProvider.System.GetUtcNow();
        await host.Get<InstanceTable>().FirstLook.WaitAsync(TimeSpan.FromMinutes(1));
        var client = host.As("viewer");
        var few = await Filled(1_000);
        var many = await Filled(10_000);
        // Counts have a digit more, also those of the hours.
        Assert.InRange(many, few, few + 80);

        // Bytes of the four answers; of no instance, nor of its certificate, definition or reports, anything is read.
        async Task<int> Filled(int count)
        {
            for (var i = rows.All.Count(); i < count; i++)
                rows.Keep(Converged(TestIds.New().CertName(), now.AddMinutes(-i % Spread - 2), now));
            // What was said of fewer is over.
            clock.Shift += TimeSpan.FromSeconds(30);
            read.Clear();
            var bytes = await Ask(client, count);
            Assert.DoesNotContain(read, key => rows.All.Any(r => key.Contains(r.Name.ToString(), StringComparison.Ordinal)));
            return bytes;
        }
    }

    private static async Task<int> Ask(ConductorService.ConductorServiceClient client, int all)
    {
        var counts = client.SummarizeInstancesAsync(new());
        var causes = client.SummarizeCausesAsync(new());
        var list = client.ListInstancesAsync(new() { PageSize = 50 });
        var taken = client.SummarizeConvergenceAsync(new());
        Assert.Equal(all, (await counts).Total);
        Assert.Equal(0, (await causes).Broken);
        Assert.Equal(50, (await list).Instances.Count);
        Assert.Equal(all, (await taken).Converged);
        Assert.Equal(1_000, (await taken).Steps[^1].Count);
        return (await counts).CalculateSize() + (await causes).CalculateSize() + (await list).CalculateSize()
            + (await taken).CalculateSize();
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
