using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The one block that can be lifted, at the Conductor's word (facts quarantined-… and released-…).</summary>
[Collection(LaterLifeCollection.Name), Trait("Category", "integration")]
public sealed class QuarantineTests(CaFixture house)
{
    private readonly RunningCa ca = house.Ca;

    [Fact]
    public async Task Quarantined_Name_GetsNothingUntilItIsLifted()
    {
        var instance = await house.Launch();
        await Fact(instance.Name, "quarantined-0001");
        await Eventually.True(async () => await Blocks(instance.Name) is [{ Kind: BlockKind.Quarantined,
            Sentence: "quarantined-0001 by admin" }], "it is blocked");
        using var key = CsrBuilder.EcKey();
        using (var refused = await ca.Put(instance, key))
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));

        await Fact(instance.Name, "released-0002");
        await Eventually.True(async () => (await Blocks(instance.Name)).Count == 0, "it is lifted");
        using (var signed = await ca.Put(instance, key))
            Assert.Equal(HttpStatusCode.OK, signed.StatusCode);
        Assert.NotNull(await ca.Certificate(instance.Name));
    }

    [Fact]
    public async Task Quarantined_AfterItsCertificate_ThatStaysGood()
    {
        using var node = await ca.Node();
        await Fact(node.Name, "quarantined-0001");
        await Eventually.True(async () => (await Blocks(node.Name)).Count == 1, "it is blocked");
        Assert.DoesNotContain(ObjectKeys.Revocation(node.Serial), await house.Keys(ObjectKeys.Revocations));
    }

    [Fact]
    public async Task Lifted_OtherBlocks_Stand()
    {
        var instance = await house.Launch();
        await Fact(instance.Name, "quarantined-0001");
        await Eventually.True(async () => (await Blocks(instance.Name)).Count == 1, "it is blocked");
        await house.Store.PutIfAbsent(ObjectKeys.Block(instance.Name, "contested"), new Block { Schema = 1, Certname =
            instance.Name.ToString(), Id = "contested", Kind = BlockKind.Contested, Sentence = "two keys", At = new() }, default);
        await Fact(instance.Name, "released-0002");
        await Eventually.True(async () =>
            await Blocks(instance.Name) is [{ Kind: BlockKind.Contested }], "only the quarantine goes");
    }

    // The deletion of an earlier lift lands once more, and a lost write of the block after it was lifted.
    [Fact]
    public async Task T93_LateDeletionAndLateBlock_AreMendedByTheLatestFact()
    {
        var instance = await house.Launch();
        var block = ObjectKeys.Block(instance.Name, "quarantined");
        await Fact(instance.Name, "quarantined-0001");
        await Eventually.True(async () => (await Blocks(instance.Name)).Count == 1, "it is blocked");
        var body = (await house.Store.Get(block, default))!.Body;
        await house.Store.Delete(block, default);
        await Eventually.True(async () => await Blocks(instance.Name) is [{ Sentence: "quarantined-0001 by admin" }],
            "it is blocked again");

        await Fact(instance.Name, "released-0002");
        await Eventually.True(async () => (await Blocks(instance.Name)).Count == 0, "it is lifted");
        await house.Store.PutIfAbsent(block, (ReadOnlyMemory<byte>)body, default);
        await Eventually.True(async () => (await Blocks(instance.Name)).Count == 0, "it is lifted again");
    }

    // Facts may be found in any order; their ids say which one counts.
    [Fact]
    public async Task Facts_ManyAtOnce_TheLatestCounts()
    {
        var instance = await house.Launch();
        foreach (var fact in new[] { "released-0002", "quarantined-0003", "quarantined-0001" })
        {
            await house.Store.PutIfAbsent(ObjectKeys.Fact(instance.Name, fact),
                new InstanceFact { Schema = 1, Certname = instance.Name.ToString(), Event = fact, Detail = fact }, default);
        }
        await Eventually.True(
            async () => await Blocks(instance.Name) is [{ Sentence: "quarantined-0003" }], "the third");
    }

    [Fact]
    public async Task Quarantine_ThatHangs_DelaysNoRevocation()
    {
        var own = new CaFixture();
        await own.Open();
        try
        {
            var (ended, barred, hold) = (await own.Launch(), await own.Launch(), new TaskCompletionSource());
            var fact = ObjectKeys.Fact(barred.Name, "quarantined-0001");
            await own.Fact(barred.Name, "quarantined-0001");
            await own.Fact(ended.Name, "terminating");
            var store = new TestSupport.FaultyStore(own.Store) { BeforeGet = key => key == fact ? hold.Task : Task.CompletedTask };
            await using var running = await RunningCa.Start(own, own.Options("slow") with { Store = store });
            try
            {
                await Eventually.True(async () => await own.Store.Get(ObjectKeys.Closed(ended.Name), default) is not null, "it is closed");
            }
            finally
            {
                hold.SetResult();
            }
            await Eventually.True(async () => (await own.All<Block>(ObjectKeys.BlocksOf(barred.Name))).Count == 1, "it is blocked");
        }
        finally
        {
            await own.DisposeAsync();
        }
    }

    private async Task Fact(CertName name, string what)
    {
        await house.Store.PutIfAbsent(ObjectKeys.Fact(name, what),
            new InstanceFact { Schema = 1, Certname = name.ToString(), Event = what, Detail = $"{what} by admin" }, default);
        ca.Services.GetRequiredService<Timeline>().Announce(name, what.Split('-')[0]);
    }

    private Task<IReadOnlyList<Block>> Blocks(CertName name) => house.All<Block>(ObjectKeys.BlocksOf(name));
}
