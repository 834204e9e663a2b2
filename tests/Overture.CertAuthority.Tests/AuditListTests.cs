using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The audit log as a list, newest first, over two replicas of the real service.</summary>
[Trait("Category", "integration")]
public sealed class AuditListTests : AuditHouse
{
    [Fact]
    public async Task List_TwoReplicas_IsNewestFirstAndFilteredByEach()
    {
        await using var second = await house.Start("second");
        var names = new List<string>();
        for (var i = 0; i < 6; i++)
            names.Add(await Enrol(i % 2 == 0 ? ca : second));
        await second.Admin.RevokeCertificateAsync(new() { Certname = names[5], Reason = "leaked" });
        var between = TimeProvider.System.GetUtcNow();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = names[0], Reason = "retired" });
        // Each replica writes its own stream; the other's last records may be half a second away.
        await List(new(), second);

        var all = (await List(new())).Records;
        Assert.Equal(all.OrderByDescending(r => r.At.ToDateTimeOffset()).Select(r => r.Id), all.Select(r => r.Id));
        Assert.Equal(names.AsEnumerable().Reverse(),
            all.Where(r => r.Action == "cert.released" && names.Contains(r.Certname)).Select(r => r.Certname));

        Assert.Equal(["retired", "leaked"], (await List(new() { Action = "cert.revoked" })).Records.Select(r => r.Decision.Sentence));
        Assert.Equal(8, (await List(new() { Action = "cert", NamePrefix = "" })).Records.Count(r => names.Contains(r.Certname)));
        Assert.Empty((await List(new() { Action = "cert.revoke" })).Records);
        var one = (await List(new() { NamePrefix = names[5][..13] })).Records;
        Assert.All(one, r => Assert.Equal(names[5], r.Certname));
        Assert.Contains(one, r => r.Action == "cert.revoked");
        Assert.Equal(["retired"], (await List(new() { Action = "cert.revoked", Since = between.ToTimestamp() })).Records
            .Select(r => r.Decision.Sentence));
        Assert.All((await List(new() { Actor = "admin" })).Records, r => Assert.Contains("admin", r.Actor, StringComparison.Ordinal));
        Assert.Empty((await List(new() { Actor = "no-such-actor" })).Records);

        var (limited, more) = await List(new() { Limit = 3 });
        Assert.Equal(all.Take(3).Select(r => r.Id), limited.Select(r => r.Id));
        Assert.True(more);
        Assert.False((await List(new())).More);
        var refused = await Assert.ThrowsAsync<RpcException>(() => List(new() { Limit = -1 }));
        Assert.Equal("INVALID_FIELD", RpcDetails.Reason(refused));
    }

    [Fact]
    public async Task List_SinceTheFirstYear_IsAllAndTimesThatAreNoneAreRefused()
    {
        await Enrol(ca);
        var all = (await List(new())).Records.Count;
        Assert.InRange((await List(new() { Since = DateTimeOffset.MinValue.ToTimestamp() })).Records.Count, all, int.MaxValue);
        foreach (var none in new[] { new Timestamp { Seconds = long.MaxValue }, new Timestamp { Nanos = -1 } })
        {
            var refused = await Assert.ThrowsAsync<RpcException>(() => List(new() { Since = none }));
            Assert.Equal("INVALID_FIELD", RpcDetails.Reason(refused));
            Assert.Contains("since", refused.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Readers_OfTheWholeLog_AreFewAtOnce()
    {
        using var readers = new AuditReaders(TimeProvider.System);
        var seats = new List<IDisposable>();
        for (var i = 0; i < AuditReaders.Most; i++)
            seats.Add(await readers.Enter(default));
        var next = readers.Enter(default);
        Assert.False(next.IsCompleted);
        seats[0].Dispose();
        (await next.WaitAsync(TimeSpan.FromSeconds(60))).Dispose();
    }

    [Fact]
    public async Task List_RefusedNamesAndDamagedBatches_AreThereAndCounted()
    {
        (await ca.Put("not%20a%20name", new CsrBuilder("not a name", key).Pem())).Dispose();
        await List(new());
        await house.Store.PutIfAbsent(ObjectKeys.Audit("certauthority", "broken", 1), "{"u8.ToArray(), default);
        var (records, _, unreadable) = await Whole(new() { NamePrefix = "not%20" });
        Assert.Equal("not%20a%20name", Assert.Single(records).AskedName);
        Assert.Equal(1, unreadable);
    }

    [Fact]
    public async Task Tail_TheNewestOfAHundredThousand_ReadsAFewBatches()
    {
        using var home = new TempDirectory();
        var (store, reads) = (new TestSupport.FaultyStore(DirectoryStore.At(home.File("objects"))), 0);
        store.BeforeGet = _ =>
        {
            Interlocked.Increment(ref reads);
            return Task.CompletedTask;
        };
        const int batches = 200, each = 500;
        var keys = new List<string>();
        for (var i = 0; i < batches; i++)
        {
            var batch = new AuditBatch { Schema = 2, Sequence = i + 1 };
            for (var j = 0; j < each; j++)
                batch.Records.Add($$"""{"id":"{{(i * each) + j:D6}}","at":"{{At((i * each) + j)}}","certname":"n{{j % 10}}"}""");
            keys.Add(ObjectKeys.Audit("certauthority", "one", i + 1));
            await store.PutIfAbsent(keys[^1], batch, default);
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{(batches * each) - 1 - i:D6}"),
            (await Take(new AuditTail(store, keys, AuditTail.Any, null), 100)).Select(r => r.Id));
        Assert.InRange(reads, 1, 10);
        // As far back as it must be, and no further.
        reads = 0;
        var since = DateTimeOffset.Parse(At((batches * each) - 1_200), CultureInfo.InvariantCulture);
        Assert.Equal(1_200, (await Take(new AuditTail(store, keys, AuditTail.Any, since), int.MaxValue)).Count);
        Assert.InRange(reads, 3, 14);

        // What matches nothing says how far it came, so that another stream's records go before the rest of it is read.
        var sparse = new AuditTail(store, keys, _ => null, null);
        await sparse.Load(default);
        Assert.Equal((DateTimeOffset.Parse(At((batches - 1) * each), CultureInfo.InvariantCulture), true), (sparse.Reached, sparse.IsOpen));

        static string At(int second) => DateTimeOffset.UnixEpoch.AddSeconds(second).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'",
            CultureInfo.InvariantCulture);
    }

    private static async Task<List<AuditRecord>> Take(AuditTail tail, int most)
    {
        var found = new List<AuditRecord>();
        while (tail.IsOpen && found.Count < most)
        {
            if (tail.Newest is null)
                await tail.Load(default);
            else
                found.Add(tail.Take());
        }
        return found;
    }

    private async Task<string> Enrol(RunningCa by)
    {
        using var own = CsrBuilder.EcKey();
        var instance = await house.Launch();
        using var answer = await by.Put(instance, own);
        answer.EnsureSuccessStatusCode();
        return $"{instance.Name}";
    }

    private async Task<(List<AuditRecord> Records, bool More)> List(ListAuditRecordsRequest request, RunningCa? by = null) =>
        await Whole(request, by) is var (records, more, _) ? (records, more) : default;

    private async Task<(List<AuditRecord> Records, bool More, int Unreadable)> Whole(ListAuditRecordsRequest request, RunningCa? by = null)
    {
        var records = new List<AuditRecord>();
        ListAuditRecordsResponse last = new();
        using var call = (by ?? ca).Admin.ListAuditRecords(request);
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
            records.AddRange((last = answer).Records);
        return (records, last.More, last.Unreadable);
    }
}
