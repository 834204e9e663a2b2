using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// Several replicas of each service: what dies or is replaced under load costs no client more than one call to the other replica, and
/// nothing twice.
/// </summary>
[Collection(nameof(ReplicaCollection))]
[Trait("Category", "e2e")]
public sealed class ReplicaTests(ReplicaStack stack, ITestOutputHelper output)
{
    private const int AtOnce = 24;
    private static readonly int Agents = Full.Length(80, 200);
    private static readonly string[] Steps = ["requested", "csr-received", "signed", "collected", "classified", "converged"];

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public async Task Storm_OneOfEachIsKilled_EveryAgentIsCertifiedOnce(int victim, bool startedAgain)
    {
        await stack.AllUp();
        Replica[] killed = [stack.Conductors[victim], stack.CertAuthorities[victim], stack.Classifiers[victim]];
        var agents = Enumerable.Range(victim * Agents, Agents).Select(n => new SimulatedAgent(stack, n)).ToList();
        var (done, back) = (0, Task.CompletedTask);
        await EachOf(agents, async agent =>
        {
            await agent.Live();
            if (Interlocked.Increment(ref done) == Agents / 4)
            {
                await Task.WhenAll(killed.Select(k => k.Kill()));
                back = startedAgain ? Task.WhenAll(killed.Select(k => k.Start())) : Task.CompletedTask;
            }
        });
        await back;
        Assert.NotEqual(0, agents.Sum(a => a.Mended));

        await AllConverged(agents, stack.Conductors[1 - victim]);
        await EachIsCertifiedOnce(agents);
        await Task.WhenAll(killed.Where(_ => !startedAgain).Select(k => k.Start()));
        await BothAgree(agents, linesMayBeLost: true);
    }

    [Fact]
    public async Task Upgrade_OneProcessAfterTheOther_NoCallIsLost()
    {
        await stack.AllUp();
        var seed = Random.Shared.Next();
        output.WriteLine($"order by seed {seed}");
        var order = stack.All.ToArray();
        new Random(seed).Shuffle(order);
        var agents = new ConcurrentQueue<SimulatedAgent>();
        var number = 2 * Agents;
        using var ending = new CancellationTokenSource();
        var crowd = Enumerable.Range(0, AtOnce / 6).Select(_ => Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
            {
                var agent = new SimulatedAgent(stack, Interlocked.Increment(ref number));
                await agent.Live();
                agents.Enqueue(agent);
            }
        })).ToList();
        try
        {
            foreach (var replica in order)
            {
                await replica.Stop();
                var before = agents.Count;
                await Eventually.True(() => agents.Count > before || crowd.Any(c => c.IsFaulted), $"agents enroll without {replica.Name}");
                await replica.Start();
            }
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(crowd);
        }

        var all = agents.ToList();
        await AllConverged(all, stack.Conductors[0]);
        await EachIsCertifiedOnce(all);
        // SIGTERM lets what is queued go out first.
        await BothAgree(all, linesMayBeLost: false);
    }

    // A report that was taken lies on its Conductor's disk until it is worked off; where that one is away, the agent's next run reports to
    // the other.
    private static async Task AllConverged(IReadOnlyList<SimulatedAgent> agents, Replica conductor)
    {
        var limit = TimeSpan.FromSeconds(5);
        await EachOf(agents, async agent =>
        {
            if (!await Converges(agent, conductor, limit))
            {
                await agent.Report();
                Assert.True(await Converges(agent, conductor, TimeSpan.FromMinutes(2)), $"{agent.Name} has not converged");
            }
        });
    }

    private static async Task<bool> Converges(SimulatedAgent agent, Replica conductor, TimeSpan limit)
    {
        try
        {
            await Eventually.True(async () => (await conductor.Conductor.GetInstanceAsync(
                new() { Certname = agent.Name })).Instance.State == InstanceState.Converged, "", limit);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static Task EachOf(IEnumerable<SimulatedAgent> agents, Func<SimulatedAgent, Task> act) =>
        Parallel.ForEachAsync(agents, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (agent, _) => await act(agent));

    // By the store, and by what each agent was given.
    private async Task EachIsCertifiedOnce(IReadOnlyList<SimulatedAgent> agents)
    {
        var store = stack.Store;
        Assert.Equal(agents.Count, agents.Select(a => a.Name).Distinct().Count());
        var certificates = new List<CertificateRecord>();
        await foreach (var key in store.List(ObjectKeys.Certificates, null, default))
            certificates.Add((await store.Get<CertificateRecord>(key, default))!);
        Assert.Equal(certificates.Count, certificates.Select(c => c.Serial).Distinct().Count());
        var byName = certificates.ToLookup(c => c.Certname);
        foreach (var agent in agents)
        {
            var certificate = Assert.Single(byName[agent.Name]);
            Assert.Equal(agent.Pem.Trim(), certificate.Pem.Trim());
            using var parsed = X509Certificate2.CreateFromPem(agent.Pem);
            Assert.True(parsed.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(agent.Key),
                $"{agent.Name}'s certificate is of another key");
            Assert.Equal(agent.Name, parsed.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
            Assert.Equal(certificate.Serial, parsed.SerialNumber, ignoreCase: true);
            Assert.Equal(["1"], await Names(store, ObjectKeys.ClaimsOf(CertName.Parse(agent.Name))));
            Assert.Single(await Names(store, ObjectKeys.HistoryOf(CertName.Parse(agent.Name))));
        }
    }

    private async Task BothAgree(IReadOnlyList<SimulatedAgent> agents, bool linesMayBeLost)
    {
        await EachOf(agents, async agent =>
        {
            var asked = new GetInstanceRequest { Certname = agent.Name };
            // A report that was sent again is known to the other Conductor at its next look, within 10 s.
            await Eventually.True(async () => (await stack.Conductors[0].Conductor.GetInstanceAsync(asked)).Instance.Equals(
                (await stack.Conductors[1].Conductor.GetInstanceAsync(asked)).Instance), $"both show the same of {agent.Name}");
            // One whose registry does not answer in time shows what the store proves, in fewer words. And lines go to Redis behind the
            // request's
            // back: one that SIGKILL caught on its way is lost (docs/flows.md), so each step is there once at most, in its order.
            await Eventually.True(async () => await Timeline(agent, 0) is var one && one.SequenceEqual(await Timeline(agent, 1))
                && (linesMayBeLost ? InOrder([.. one.Select(l => l.Key)]) : Steps.SequenceEqual(one.Select(l => l.Key))),
                $"both tell the same of {agent.Name}");
            Assert.Equal(agent.Pem.Trim(), (await agent.Collect()).Trim());
            Assert.Equal(agent.Yaml, await agent.Classify());
            Assert.Equal(agent.Yaml, await agent.Classify());
        });
        var known = await Task.WhenAll(stack.Conductors.Select(AllNames));
        Assert.Superset(agents.Select(a => a.Name).ToHashSet(), known[0]);
        Assert.Equal(known[0], known[1]);
        foreach (var ca in stack.CertAuthorities)
            Assert.Empty(await ca.AuditProblems());
    }

    private static bool InOrder(IReadOnlyList<string> keys) => keys.Count > 0 && Steps.Where(keys.Contains).SequenceEqual(keys);

    private async Task<IReadOnlyList<TimelineEvent>> Timeline(SimulatedAgent agent, int conductor) =>
        (await stack.Conductors[conductor].Conductor.GetTimelineAsync(new() { Certname = agent.Name })).Events;

    private static async Task<HashSet<string>> AllNames(Replica conductor)
    {
        var names = new HashSet<string>();
        var request = new ListInstancesRequest { PageSize = 500 };
        do
        {
            var page = await conductor.Conductor.ListInstancesAsync(request);
            names.UnionWith(page.Instances.Select(i => i.Certname));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return names;
    }

    private static async Task<IReadOnlyList<string>> Names(ObjectStore store, string prefix)
    {
        var names = new List<string>();
        await foreach (var key in store.List(prefix, null, default))
            names.Add(key[prefix.Length..]);
        return names;
    }
}
