using Overture.Records.V1;
using Overture.TestSupport;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A revocation and an issue in flight never both win (docs/threats.md §3.4): 200 rounds each, many at a time, since a list is published
/// once a second.
/// </summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class RevocationRaceTests(CaFixture house)
{
    private const int Rounds = 200;
    private static readonly ParallelOptions Crowd = new() { MaxDegreeOfParallelism = 20 };
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task RevokeAndIssue_AtOnce_NothingStaysGood()
    {
        var instances = await Task.WhenAll(Enumerable.Range(0, Rounds).Select(_ => house.Launch()));

        await Parallel.ForEachAsync(instances.Index(), Crowd, async (round, _) =>
        {
            using var key = CsrBuilder.EcKey();
            var put = ca.Put(round.Item, key);
            await Meet(round.Index, put, round.Item.Name);

            // Both have been answered: what was signed is revoked, and not served.
            foreach (var claim in await house.All<Claim>(ObjectKeys.ClaimsOf(round.Item.Name)))
                Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default));
            Assert.Null(await ca.Certificate(round.Item.Name));
        });

        await AllListed(instances.Select(i => i.Name));
    }

    [Fact]
    public async Task RevokeAndRenew_AtOnce_NothingStaysGood()
    {
        var nodes = (await Task.WhenAll(Enumerable.Range(0, Rounds).Select(_ => ca.Node()))).ToList();
        var released = 0;

        await Parallel.ForEachAsync(nodes.Index(), Crowd, async (round, stop) =>
        {
            var node = round.Item;
            using var request = new StringContent("");
            var renewal = node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), request, stop);
            if (await Meet(round.Index, renewal, node.Name))
                Interlocked.Increment(ref released);

            foreach (var claim in await house.All<Claim>(ObjectKeys.ClaimsOf(node.Name)))
                Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default));
        });

        await AllListed(nodes.Select(n => n.Name));
        // The two did meet: some renewals came through, and some did not.
        Assert.InRange(released, 1, Rounds - 1);
        nodes.ForEach(n => n.Dispose());
    }

    /// <returns>The first got what it asked for.</returns>
    private async Task<bool> Meet(int round, Task<HttpResponseMessage> issue, CertName name)
    {
        // Every other round waits for the claim, so that the revocation meets the later steps too.
        var claims = (await house.Keys(ObjectKeys.ClaimsOf(name))).Count;
        if (round % 2 == 1)
        {
            await Eventually.True(
                async () => issue.IsCompleted || (await house.Keys(ObjectKeys.ClaimsOf(name))).Count > claims, "it is claimed");
        }
        await ca.Admin.RevokeCertificateAsync(new() { Certname = name.ToString(), Reason = "a race" });
        try
        {
            using var answer = await issue;
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // its certificate was revoked before the handshake
        }
    }

    private async Task AllListed(IEnumerable<CertName> names)
    {
        var serials = new HashSet<SerialNumber>();
        foreach (var name in names)
            serials.UnionWith((await house.All<Claim>(ObjectKeys.ClaimsOf(name))).Select(c => SerialNumber.Recorded(c.Serial)));
        await Eventually.True(async () => CrlDocument.Read(CrlPem.Split((await ca.Admin.GetCrlAsync(new())).CrlPem)[0],
            ca.Services.GetRequiredService<CaSigner>().Ca).Serials.IsSupersetOf(serials),
            "all their serials are on the list");
    }
}
