using System.Diagnostics;
using Overture.Conductor.Instances;
using Overture.Conductor.Reconcile;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Definitions without an instance and instances without a definition: reported on demand, never repaired.</summary>
public sealed class DefinitionFindingsTests : IAsyncLifetime
{
    private static readonly ReadOnlyMemory<byte> Definition = "classes: []\n"u8.ToArray();
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = provider, Store = store, Clock = new QuickTurnsClock() });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Reconcile_DefinitionsWithoutANameAndNamesWithoutADefinition_AreReportedAndLeftAlone()
    {
        var (whole, bare, ended, ending) = (await Launch(), await Launch(), await Launch(), await Launch());
        Assert.Empty((await Reconcile(apply: false)).Findings);
        await store.Delete(ObjectKeys.Node(bare), default);
        await store.PutIfAbsent(ObjectKeys.Closed(ended), new Closure { Schema = 1, Certname = $"{ended}", At = new() { Seconds = 1 } },
            default);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = $"{ended}" });
        await store.PutIfAbsent(ObjectKeys.Node(ended), Definition, default);
        await host.Get<InstanceEventStore>().Write(ending, new() { Event = InstanceEvents.Terminating }, default);
        await store.Delete(ObjectKeys.Node(ending), default);
        var (typo, hand) = (CertName.Parse("typo.example.org"), CertName.Parse("hand.example.org"));
        await store.PutIfAbsent(ObjectKeys.Node(typo), Definition, default);
        await store.PutIfAbsent(ObjectKeys.Node(hand), Definition, default);
        await store.PutIfAbsent(ObjectKeys.Claim(hand, "1"), Definition, default);

        foreach (var apply in (bool[])[false, true])
        {
            var found = (await Reconcile(apply)).Findings.Where(f => f.Kind >= FindingKind.StrayDefinition).ToList();
            Assert.Equal([($"{ended}", FindingKind.StrayDefinition), ($"{typo}", FindingKind.StrayDefinition),
                ($"{bare}", FindingKind.MissingDefinition)], found.Select(f => (f.Certname, f.Kind)));
            Assert.All(found, f => Assert.False(f.Done));
            Assert.Contains($"overture node delete {ended}", found[0].HeldBack, StringComparison.Ordinal);
            Assert.Contains("terminated", found[0].Detail, StringComparison.Ordinal);
            Assert.Contains("no launch", found[1].Detail, StringComparison.Ordinal);
            Assert.Contains($"overture node rollback {bare}", found[2].HeldBack, StringComparison.Ordinal);
        }
        Assert.NotNull(await store.Get(ObjectKeys.Node(typo), default));
        Assert.NotNull(await store.Get(ObjectKeys.Node(whole), default));

        // What repairs every minute does not look.
        var repair = await host.Get<Reconciler>().Run(apply: true, orphans: false, limit: 0, default);
        Assert.DoesNotContain(repair.Findings, f => f.Kind >= FindingKind.StrayDefinition);
    }

    [Fact]
    [Trait("Category", "integration")]
    public async Task Reconcile_ManyStrayDefinitions_AreCountedBeyondTheFirst()
    {
        foreach (var i in Enumerable.Range(0, DefinitionFindings.Most + 7))
            await store.PutIfAbsent(ObjectKeys.Node(CertName.Parse($"n{i}.example.org")), Definition, default);
        var response = await Reconcile(apply: false);
        Assert.Equal((DefinitionFindings.Most, 7), (response.Findings.Count, response.Omitted));
    }

    [Fact]
    [Trait("Category", "unit")]
    public void Comparison_OfAHundredThousand_IsQuickAndRight()
    {
        var all = Enumerable.Range(0, 100_000).Select(i => $"n{i:D6}.example.org").ToList();
        var defined = all.Where((_, i) => i % 1_000 != 1).Append("stray.example.org").ToHashSet(StringComparer.Ordinal);
        var begun = Stopwatch.StartNew();
        var comparison = new DefinitionComparison(defined, all.ToHashSet(StringComparer.Ordinal),
            n => n.StartsWith("n00000", StringComparison.Ordinal) ? Ending.Over : n == "n002001.example.org" ? null
                : n == "n003001.example.org" ? Ending.Underway : Ending.None);
        // Nine of the first ten are terminated and have a definition; one of those not read yet and one that is ending are not missing.
        Assert.Equal(10, comparison.Stray.Count);
        Assert.Equal(97, comparison.Missing.Count);
        Assert.InRange(begun.Elapsed.TotalSeconds, 0, 30); // each with each would be hours
    }

    private async Task<CertName> Launch() => CertName.Parse(
        (await host.As("admin").LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec() })).Results.Single().Instance.Certname);

    private Task<ReconcileResponse> Reconcile(bool apply) => host.As("admin").ReconcileAsync(new() { Apply = apply }).ResponseAsync;
}
