using System.Collections.Concurrent;
using Overture.Records.V1;
using Overture.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>
/// Many at once, and a kill in the middle: docs/puppet-contracts.md §10, rows 26 and 27. Most are bare HTTP: 200 Rubies are too slow on two
/// cores.
/// </summary>
[Collection(AcceptanceCollection.Name), Trait("Category", "integration")]
public sealed class CrowdRows(CaFixture house)
{
    private const int Agents = 12, Bare = 188, Revoked = 20;

    [Fact]
    public async Task Row26_TwoHundredAtOnce_WithRevocations_OneCertificateEach()
    {
        await using var ca = await house.Start("row26");
        var doomed = new List<CertName>();
        for (var i = 0; i < Revoked; i++)
        {
            using var node = await ca.Node();
            doomed.Add(node.Name);
        }
        var instances = new List<Launched>();
        for (var i = 0; i < Agents + Bare; i++)
            instances.Add(await house.Launch());

        await Task.WhenAll(
            Parallel.ForEachAsync(instances.Take(Agents), new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (instance, _) =>
                await RealAgent(ca.ApiPort, instance)),
            Parallel.ForEachAsync(instances.Skip(Agents), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (instance, _) =>
                await Enrol(ca.Agent, instance)),
            Parallel.ForEachAsync(doomed, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (name, stop) =>
                await ca.Admin.RevokeCertificateAsync(new() { Certname = name.ToString(), Reason = "row 26" }, cancellationToken: stop)));

        var serials = await Serials(instances);
        await Eventually.True(async () => (await ca.AuditRecords())
            .Count(r => r.Action == "cert.released" && serials.ContainsKey(r.Serial)) == serials.Count, "one line of the audit for each");
        var signer = ca.Services.GetRequiredService<CaSigner>().Ca;
        var before = new HashSet<string>();
        foreach (var list in (await house.All<CrlRecord>(ObjectKeys.Crls)).OrderBy(l => l.Number))
        {
            var read = CrlDocument.Read(CrlPem.Split(list.Pem)[0], signer);
            Assert.Equal(list.Number, read.Number);
            var listed = read.Serials.Select(s => $"{s}").ToHashSet();
            Assert.Superset(before, listed);
            before = listed;
        }
        foreach (var name in doomed)
            Assert.Contains(Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(name))).Serial, before);
    }

    [Fact]
    public async Task Row27_KilledInTheMiddle_EverybodyFinishes()
    {
        // A house without another replica, which would finish what the killed one began.
        var alone = new CaFixture();
        await alone.InitializeAsync();
        await alone.Ca.DisposeAsync();
        try
        {
            await using var ca = new CaProcess(alone, "row27");
            await ca.Start();
            var instances = new List<Launched>();
            for (var i = 0; i < 63; i++)
                instances.Add(await alone.Launch());

            using var client = RunningCa.AgentClient(alone.BundleFile, ca.Port);
            var crowd = Task.WhenAll(
                Parallel.ForEachAsync(instances.Take(3), async (instance, _) =>
                    await RealAgent(ca.Port, instance, "--waitforcert", "2", "--maxwaitforcert", "240")),
                Parallel.ForEachAsync(instances.Skip(3), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (instance, _) =>
                    await Enrol(client, instance)));
            foreach (var claims in new[] { 10, 30 })
            {
                await Eventually.True(
                    async () => (await alone.Keys(ObjectKeys.Claims)).Count > claims || crowd.IsCompleted, $"{claims} names are claimed");
                Assert.False(crowd.IsCompleted, "killed in the middle");
                await ca.Kill();
                await ca.Start();
            }
            await crowd;

            // Each record is whole: they are all read here.
            var serials = await Serials(instances, alone);
            var certificates = await alone.All<CertificateRecord>(ObjectKeys.Certificates);
            Assert.Equal(serials.Keys.Order(), certificates.Select(c => c.Serial).Where(serials.ContainsKey).Order());
            Assert.Equal(certificates.Count, certificates.Select(c => c.Serial).Distinct().Count());
        }
        finally
        {
            await alone.DisposeAsync();
        }
    }

    private static async Task RealAgent(int port, Launched instance, params string[] options)
    {
        using var agent = AgentHost.Of(port, instance);
        var (exit, output) = await agent.Bootstrap(options);
        Assert.True(exit == 0, output);
    }

    // As an agent does it: it comes again until it has its certificate.
    private static async Task Enrol(HttpClient client, Launched instance)
    {
        using var key = CsrBuilder.EcKey();
        var pem = instance.Csr(key).Pem();
        await Eventually.True(async () =>
        {
            try
            {
                using var request = new StringContent(pem, System.Text.Encoding.ASCII, "text/plain");
                using var put = await client.PutAsync(new Uri($"certificate_request/{instance.Name}", UriKind.Relative), request);
                using var got = await client.GetAsync(new Uri($"certificate/{instance.Name}", UriKind.Relative));
                Assert.True(put.IsSuccessStatusCode || (int)put.StatusCode == 503, $"{put.StatusCode}");
                return got.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, $"{instance.Name} has its certificate");
    }

    // Of each name exactly one.
    private async Task<ConcurrentDictionary<string, CertName>> Serials(IEnumerable<Launched> instances, CaFixture? of = null)
    {
        var serials = new ConcurrentDictionary<string, CertName>();
        foreach (var instance in instances)
        {
            var claim = Assert.Single(await (of ?? house).All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
            Assert.True(serials.TryAdd(claim.Serial, instance.Name), $"serial {claim.Serial} is there twice");
            Assert.NotNull(await (of ?? house).Store.Get(ObjectKeys.Certificate(claim.Serial), default));
        }
        return serials;
    }
}
