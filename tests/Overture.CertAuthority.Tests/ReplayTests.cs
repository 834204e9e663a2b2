using System.Net;
using System.Security.Cryptography;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The same key again is the same certificate; another key never is (threats T06-T09).</summary>
[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class ReplayTests(CaHouse house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task SameKey_NewRequestEachTime_SameBytes()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var requests = Enumerable.Range(0, 20).Select(_ => instance.Csr(key).Pem()).ToList();
        Assert.Equal(20, requests.Distinct().Count());
        var seen = new HashSet<string>();

        foreach (var request in requests)
        {
            using var answer = await ca.Put(instance.Name.ToString(), request);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            seen.Add((await ca.Certificate(instance.Name))!);
        }

        Assert.Single(seen);
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task SameKey_ManyAtOnceOnThreeReplicas_OneSerial()
    {
        await using var second = await house.Start("replay2");
        await using var third = await house.Start("replay3");
        RunningCa[] replicas = [ca, second, third];
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();

        var answers = await Task.WhenAll(Enumerable.Range(0, 48).Select(i => replicas[i % 3].Put(instance, key)));

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        Assert.Single((await Task.WhenAll(replicas.Select(r => r.Certificate(instance.Name)))).Distinct());
        Assert.Single(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task SameKey_OtherExtras_SameCertificate()
    {
        // What a request carries beside its key never gets into a certificate (threats T40).
        var instance = await house.Launch(l =>
        {
            l.Extensions.Add("pp_role", "web");
            l.DnsAltNames.Add("web.example.org");
        });
        using var key = CsrBuilder.EcKey();
        CsrBuilder[] requests = [instance.Csr(key), instance.Csr(key).DnsNames(instance.Name.ToString(), "web.example.org"), instance.Csr(key).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "web").Renews()];
        var seen = new HashSet<string>();

        foreach (var request in requests)
        {
            using var answer = await ca.Put(instance.Name.ToString(), request.Pem());
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            seen.Add((await ca.Certificate(instance.Name))!);
        }

        Assert.Single(seen);
    }

    [Fact]
    public async Task TerminatedMeanwhile_SameKey_Is403()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        (await ca.Put(instance, key)).Dispose();
        await house.Fact(instance.Name, "terminating");

        using var answer = await ca.Put(instance, key);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    /// <summary>A short slice of the published race; OVERTURE_FULL=1 runs 1,000 rounds.</summary>
    [Fact]
    public async Task SixtyFourKeysRace_OnThreeReplicas_NeverTwoCertificates()
    {
        var rounds = Environment.GetEnvironmentVariable("OVERTURE_FULL") == "1" ? 1000 : 20;
        await using var second = await house.Start("race2");
        await using var third = await house.Start("race3");
        RunningCa[] replicas = [ca, second, third];
        for (var round = 0; round < rounds; round++)
        {
            var keys = Enumerable.Range(0, 64).Select(_ => CsrBuilder.EcKey()).ToList();
            var instance = await house.Launch();
            // Every other round plays after the node converged: then the first key keeps its certificate.
            var converged = round % 2 == 1;
            if (converged)
                await house.Fact(instance.Name, "converged");
            var requests = keys.Select(k => instance.Csr(k).Pem()).ToList();

            var answers = await Task.WhenAll(requests.Select((r, i) => replicas[i % 3].Put(instance.Name.ToString(), r)));

            var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
            var good = answers.Count(a => a.StatusCode == HttpStatusCode.OK);
            Assert.Equal(64 - good, answers.Count(a => a.StatusCode == HttpStatusCode.Forbidden));
            Assert.True(converged ? good == 1 : good <= 1, $"{good} of 64 were signed");
            Assert.Equal(converged, await ca.Certificate(instance.Name) is not null);
            Assert.Equal(converged, await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default) is null);
            foreach (var disposable in answers.Cast<IDisposable>().Concat(keys))
                disposable.Dispose();
        }
    }
}
