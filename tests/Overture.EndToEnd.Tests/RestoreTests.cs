using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>eng/backup.sh while agents enrolll; then everything is lost, Redis too, and what was backed up goes on.</summary>
[Collection(nameof(ReplicaCollection))]
[Trait("Category", "e2e")]
public sealed class RestoreTests(ReplicaStack stack)
{
    private const int Early = 20, FirstNumber = 5000;

    [Fact]
    public async Task Backup_TakenWhileAgentsEnrol_IsWholeOnceItIsRestored()
    {
        await stack.AllUp();
        using var safe = new TempDirectory();
        var early = Enumerable.Range(FirstNumber, Early).Select(n => new SimulatedAgent(stack, n)).ToList();
        await Task.WhenAll(early.Select(a => a.Live()));
        foreach (var agent in early)
        {
            await Eventually.True(async () => (await Instance(agent, stack.Conductors[0])).State == InstanceState.Converged,
                $"{agent.Name} has converged");
        }
        var revoked = early[0];
        await stack.CertAuthorities[0].Revoke(revoked.Name);

        // 1. the backup, and life goes on
        var late = new ConcurrentQueue<SimulatedAgent>();
        var number = FirstNumber + Early;
        using var ending = new CancellationTokenSource();
        var crowd = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!ending.IsCancellationRequested)
            {
                var agent = new SimulatedAgent(stack, Interlocked.Increment(ref number));
                await agent.Live();
                late.Enqueue(agent);
            }
        })).ToList();
        try
        {
            await Eventually.True(() => late.Count > 4 || crowd.Any(c => c.IsFaulted), "agents enroll");
            (await Shell.Run(RepositoryPaths.File("eng/backup.sh"), stack.Home, safe.File("backup.tar"))).Ok();
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(crowd);
        }

        // 2. the loss, and the restore
        await stack.Lose();
        (await Shell.Run("tar", "-xpf", safe.File("backup.tar"), "-C", stack.Home)).Ok();
        await stack.AllUp();

        // 3. all known agents go on
        foreach (var conductor in stack.Conductors)
        {
            foreach (var agent in early)
            {
                Assert.Equal(InstanceState.Converged, (await Instance(agent, conductor)).State);
                Assert.Subset((await conductor.Conductor.GetTimelineAsync(new() { Certname = agent.Name })).Events.Select(e => e.Key)
                    .ToHashSet(), new HashSet<string> { "requested", "csr-received", "signed", "classified", "converged" });
            }
        }
        foreach (var agent in early.Skip(1))
        {
            Assert.Equal(agent.Yaml, await agent.Classify());
            using var renewed = X509Certificate2.CreateFromPem(await agent.Renew());
            Assert.True(renewed.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(agent.Key));
            using var before = X509Certificate2.CreateFromPem(agent.Pem);
            Assert.NotEqual(before.SerialNumber, renewed.SerialNumber);
        }
        await Assert.ThrowsAnyAsync<Exception>(revoked.Renew);
        foreach (var ca in stack.CertAuthorities)
            Assert.Empty(await ca.AuditProblems());
        await new SimulatedAgent(stack, Interlocked.Increment(ref number)).Live();
    }

    private static async Task<Instance> Instance(SimulatedAgent agent, Replica conductor) =>
        (await conductor.Conductor.GetInstanceAsync(new() { Certname = agent.Name })).Instance;
}
