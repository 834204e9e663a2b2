using System.Diagnostics;
using System.Net;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 A: who comes twice, who comes first, and who comes with the disk of another.</summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsARaces(CaFixture house, ITestOutputHelper output)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task T07_SameBytesManyTimesOnThreeReplicas_OneSerial()
    {
        await using var first = await house.StartUnlimited("t07-1");
        await using var second = await house.StartUnlimited("t07-2");
        await using var third = await house.StartUnlimited("t07-3");
        RunningCa[] replicas = [first, second, third];
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        var request = instance.Csr(key).Pem();
        var repeats = Full.Length(96, 1000);

        var answers = await Task.WhenAll(Enumerable.Range(0, repeats).Select(i => replicas[i % 3].Put(instance.Name.ToString(), request)));

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.StatusCode));
        var served = Assert.Single((await Task.WhenAll(replicas.Select(r => r.Certificate(instance.Name)))).Distinct());
        await OneSerial(instance, served, $"the same bytes {repeats} times on 3 replicas");
    }

    [Fact]
    public async Task T08_SameKeyNewRequestEachTime_OneSerial()
    {
        var instance = await house.Launch();
        using var key = CsrBuilder.EcKey();
        // ECDSA is randomised: no two requests are the same bytes.
        var requests = Enumerable.Range(0, 50).Select(_ => instance.Csr(key).Pem()).ToList();
        Assert.Equal(50, requests.Distinct().Count());
        var seen = new HashSet<string?>();

        foreach (var request in requests)
        {
            using var answer = await ca.Put(instance.Name.ToString(), request);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            seen.Add(await ca.Certificate(instance.Name));
        }

        await OneSerial(instance, Assert.Single(seen), "50 requests of one key");
    }

    /// <summary>50 rounds on two replicas; eng/full.sh plays 1,000 on three.</summary>
    [Fact]
    public async Task T09_SixtyFourKeysRace_OneCertificateAtMost()
    {
        await using var second = await house.Start("t09-2");
        await using var third = await house.Start("t09-3");
        RunningCa[] replicas = Full.Asked ? [ca, second, third] : [ca, second];
        for (var round = 0; round < Full.Length(50, 1000); round++)
        {
            var keys = Enumerable.Range(0, 64).Select(_ => CsrBuilder.EcKey()).ToList();
            var instance = await house.Launch();
            // Every other round plays after the node converged: then the first key keeps its certificate.
            var converged = round % 2 == 1;
            if (converged)
                await house.Fact(instance.Name, "converged");
            var requests = keys.Select(k => instance.Csr(k).Pem()).ToList();

            var answers = await Task.WhenAll(requests.Select((r, i) => replicas[i % replicas.Length].Put(instance.Name.ToString(), r)));

            // One claim fixes one serial. Before the node converged a second key with the right token contests the name, so the certificate
            // that was signed (if it came that far) is revoked: it can't be known which of the two is the thief.
            var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
            var good = answers.Count(a => a.StatusCode == HttpStatusCode.OK);
            Assert.Equal(64 - good, answers.Count(a => a.StatusCode == HttpStatusCode.Forbidden));
            Assert.True(converged ? good == 1 : good <= 1, $"round {round}: {good} of 64 were signed");
            Assert.Equal(converged, await ca.Certificate(instance.Name) is not null);
            Assert.Equal(converged, await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default) is null);
            Assert.Equal(converged ? 0 : 1, (await house.Keys(ObjectKeys.BlocksOf(instance.Name))).Count);
            foreach (var disposable in answers.Cast<IDisposable>().Concat(keys))
                disposable.Dispose();
        }
        output.WriteLine(
            $"64 keys raced {Full.Length(50, 1000)} times on {replicas.Length} replicas: each name has one claim, one serial, at most "
                + "one certificate");
    }

    [Fact]
    public async Task T10_ThiefFirst_TheNameIsContestedAndTheCertificateRevoked()
    {
        var instance = await house.Launch();
        using var thief = CsrBuilder.EcKey();
        using var key = CsrBuilder.EcKey();
        (await ca.Put(instance, thief)).Dispose();
        var serial = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name))).Serial;
        var oracle = await Oracle.Watch(ca, output);
        oracle.Secret(instance.Token);
        var began = Stopwatch.GetTimestamp();

        await oracle.Is403("the genuine node, second", instance.Name, instance.Csr(key), Reason.TokenConflict);

        // The alarm, in order; within 5 s, where nothing else runs.
        await Eventually.True(async () => (await ca.Admin.GetCrlAsync(new())).CrlPem is { } pem && Revoked(pem, serial),
            "the list names the serial");
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(Full.Asked ? 5 : 60));
        var told = (await ca.Timeline(instance.Name)).Select(e => e.Key).ToList();
        Assert.Equal(["csr-received", "signed"], told.Take(2));
        Assert.Equal(["contested", "csr-refused:TOKEN_CONFLICT"], told.Skip(2).Order(StringComparer.Ordinal));
        Assert.Contains(ca.Options.Log.Lines, l =>
            l.Contains("contested", StringComparison.OrdinalIgnoreCase) && l.Contains(instance.Name.ToString(), StringComparison.Ordinal));
        // The state: contested (so the Classifier refuses the node: ClassifierTests), and neither key gets in any more.
        Assert.Equal(BlockKind.Contested, Assert.Single(await house.All<Block>(ObjectKeys.BlocksOf(instance.Name))).Kind);
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(serial), default));
        Assert.Null(await ca.Certificate(instance.Name));
        await oracle.Is403("the thief again", instance.Name, instance.Csr(thief), Reason.NameBlocked);
        await oracle.Holds();
    }

    [Fact]
    public async Task T28_ImageOfABootedInstance_GetsNoSecondCertificateForTheOldName()
    {
        var (old, copy) = (await house.Launch(), await house.Launch());
        using var oldKey = CsrBuilder.EcKey();
        using var newKey = CsrBuilder.EcKey();
        (await ca.Put(old, oldKey)).Dispose();
        await house.Fact(old.Name, "converged");
        var certificate = await ca.Certificate(old.Name);
        var oracle = await Oracle.Watch(ca, output, copy);
        oracle.Secret(old.Token);

        await oracle.Is403("the old name, a new key, the old token", old.Name, old.Csr(newKey), Reason.TokenSpent);
        await oracle.Is403("the old name, a new key, the new token", old.Name,
            new CsrBuilder(old.Name.ToString(), newKey).Challenge(copy.Token), Reason.TokenMismatch);
        await oracle.Is400("the new name, the old key", copy.Name, copy.Csr(oldKey), Reason.KeyReused);
        using (var same = await ca.Put(old, oldKey))
            Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        Assert.Equal(certificate, await ca.Certificate(old.Name));
        await house.Fact(old.Name, "terminating");
        await oracle.Is403("the old name and key, once the first instance goes", old.Name, old.Csr(oldKey), Reason.NameBlocked);

        await oracle.Holds();
    }

    private static bool Revoked(string pem, string serial) =>
        CrlPem.Split(pem).Any(crl => Convert.ToHexStringLower(crl).Contains(serial, StringComparison.Ordinal));

    private async Task OneSerial(Launched instance, string? served, string sent)
    {
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        var stored = await house.Store.Get<CertificateRecord>(ObjectKeys.Certificate(claim.Serial), default);
        Assert.Equal(stored!.Pem, served);
        Assert.Empty(await house.Keys(ObjectKeys.BlocksOf(instance.Name)));
        output.WriteLine($"sent {sent}: 200 each; the store holds one claim, and one certificate, {claim.Serial}");
    }
}
