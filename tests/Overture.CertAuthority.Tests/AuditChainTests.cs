using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Tampering is seen, wherever it is done (T83, docs/threats.md §5). Two replicas, 1,000 records.</summary>
public sealed class AuditChainTests : IDisposable
{
    private const int Batches = 5, Size = 100;
    private readonly ECDsa first = ECDsa.Create(ECCurve.NamedCurves.nistP256), second = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly SortedDictionary<string, byte[]> log = new(StringComparer.Ordinal);

    public AuditChainTests()
    {
        // By turns, each naming the position of the other.
        var heads = new Dictionary<string, AuditHead> { ["ca/a"] = new() { Stream = "ca/a" }, ["ca/b"] = new() { Stream = "ca/b" } };
        for (var sequence = 1; sequence <= Batches; sequence++)
        {
            foreach (var (stream, other, key) in new[] { ("ca/a", "ca/b", first), ("ca/b", "ca/a", second) })
            {
                var records = Enumerable.Range(0, Size)
                    .Select(i => new AuditRecord { Id = $"{sequence}.{i}", Certname = $"node{i}", Action = "csr.refused" });
                var batch = AuditChain.Seal(
                    records, heads[stream].HeadSha256, sequence, stream, "w", key, heads[other].Sequence == 0 ? [] : [heads[other]]);
                heads[stream] = new AuditHead { Stream = stream, Sequence = sequence, HeadSha256 = batch.HeadSha256 };
                log[$"audit/{stream}/{sequence:D20}"] = RecordJson.Write(batch);
            }
        }
    }

    public void Dispose()
    {
        first.Dispose();
        second.Dispose();
    }

    public static TheoryData<string> Kinds => ["flipped", "dropped", "inserted", "swapped", "truncated"];

    [Fact]
    public void Problems_UntouchedLog_AreNone()
    {
        var check = Check(log);
        Assert.Empty(check.Problems);
        Assert.Equal((2 * Batches, 2 * Batches * Size), (check.Batches, check.Records));
        Assert.Equal(["ca/a", "ca/b"], check.Heads.Select(h => h.Stream));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Problems_OneRecordDamagedAtEachOf1000Places_AllAreFound(string kind)
    {
        var missed = new List<string>();
        foreach (var (path, body) in log)
        {
            for (var record = 0; record < Size; record++)
            {
                var batch = RecordJson.Read<AuditBatch>(body);
                Damage(kind, batch.Records, record);
                // The streams are checked each by itself, so the damaged one will do.
                var stream = path[..(path.LastIndexOf('/') + 1)];
                var damaged = log.Where(o => o.Key.StartsWith(stream, StringComparison.Ordinal))
                    .Select(o => o.Key == path ? new(path, RecordJson.Write(batch)) : o);
                if (!Check(damaged, settle: false).Problems.Any(p => p.Contains($"batch {batch.Sequence}", StringComparison.Ordinal)))
                    missed.Add($"{path} record {record}");
            }
        }
        Assert.Empty(missed);
    }

    [Fact]
    public void Problems_AnyByteOfAnObjectFlipped_IsFound()
    {
        var path = $"audit/ca/b/{3:D20}";
        var body = log[path];
        for (var at = 0; at < body.Length; at += 41)
        {
            var flipped = (byte[])body.Clone();
            flipped[at] ^= 1;
            Assert.True(Check(With(path, flipped)).Problems.Count > 0,
                $"byte {at}: {Encoding.UTF8.GetString(body.AsSpan(Math.Max(0, at - 20)..at))}");
        }
        Assert.NotEmpty(Check(With(path, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body) + "\n"))).Problems);
        Assert.NotEmpty(Check(With(path, body[..^40])).Problems);
        Assert.NotEmpty(Check(With(path, [])).Problems);
    }

    [Fact]
    public void Problems_BatchDroppedInsertedSwappedOrMoved_IsFound()
    {
        Told(Without($"audit/ca/a/{2:D20}"), "ca/a: batch 2 is missing");
        Told(Without($"audit/ca/a/{2:D20}", $"audit/ca/a/{3:D20}"), "ca/a: batches 2 to 3 are missing");
        Told(With($"audit/ca/a/{6:D20}", log[$"audit/ca/a/{5:D20}"]), "ca/a batch 6: claims to be batch 5");
        Told(With($"audit/ca/a/{2:D20}", log[$"audit/ca/b/{2:D20}"]), "ca/a batch 2: is signed with key");
        Told(With("audit/ca/a/note", []), "ca/a/note: no batch has such a name");
        Told(With("audit/ca/b", []), "audit/ca/b: no batch has such a name");
        var swapped = With($"audit/ca/a/{2:D20}", log[$"audit/ca/a/{3:D20}"]);
        swapped[$"audit/ca/a/{3:D20}"] = log[$"audit/ca/a/{2:D20}"];
        Told(swapped, "ca/a batch 2: claims to be batch 3");
    }

    [Fact]
    public void Problems_TailCutOff_ShowsInTheOtherStreamAndAgainstAKeptHead()
    {
        Told(Without($"audit/ca/a/{5:D20}"), "ca/a: cut off after batch 4; batch 5 of ca/b saw its batch 5");
        Told(Without([.. log.Keys.Where(k => k.StartsWith("audit/ca/a/", StringComparison.Ordinal))]),
            "ca/a: the whole stream is gone; batch 5 of ca/b saw its batch 5");
        // No one saw the last batch of b yet, but the operator.
        var head = Check(log).Heads.Last();
        var cut = Without($"audit/ca/b/{5:D20}");
        Assert.Empty(Check(cut).Problems);
        Assert.Contains("ca/b: cut off after batch 4; the operator saw its batch 5", Check(cut, head).Problems);
        Assert.Empty(Check(log, head).Problems);
    }

    [Fact]
    public void Problems_RewrittenUnderAKeyOfOnesOwn_IsFound()
    {
        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var before = RecordJson.Read<AuditBatch>(log[$"audit/ca/b/{4:D20}"]);
        var forged = AuditChain.Seal([new AuditRecord { Certname = "forged" }], before.HeadSha256, 5, "ca/b", "w", thief);
        Told(With($"audit/ca/b/{5:D20}", RecordJson.Write(forged)),
            $"ca/b batch 5: is signed with key {LaunchKeyId.Of(thief)}, for which the CA does not vouch in this stream");
        forged.Kid = LaunchKeyId.Of(second);
        Told(With($"audit/ca/b/{5:D20}", RecordJson.Write(forged)), "ca/b batch 5: its signature does not verify");
        // The genuine key, another history: a head of the old one reveals it.
        var other = AuditChain.Seal([new AuditRecord { Certname = "other" }],
            RecordJson.Read<AuditBatch>(log[$"audit/ca/a/{4:D20}"]).HeadSha256, 5, "ca/a", "w", first);
        Told(With($"audit/ca/a/{5:D20}", RecordJson.Write(other)), "ca/a batch 5: is not the one that batch 5 of ca/b saw");
    }

    [Fact]
    public void Problems_BatchOfTheFirstSchema_StillVerifies()
    {
        // As written before batches named other heads: the signature covers stream, sequence and last hash.
        var batch = AuditChain.Seal([new AuditRecord { Id = "1", Action = "csr.refused" }], AuditChain.Origin, 1, "ca/a", "w", first);
        batch.Schema = 1;
        batch.Signature = Google.Protobuf.ByteString.CopyFrom(
            first.SignData(Encoding.UTF8.GetBytes($"overture-audit-1\nca/a\n1\n{batch.HeadSha256}"), HashAlgorithmName.SHA256));
        var path = $"audit/ca/a/{1:D20}";
        Assert.Empty(Check([new(path, RecordJson.Write(batch))]).Problems);
        batch.Others.Add(new AuditHead { Stream = "ca/b", Sequence = 9 });
        Assert.NotEmpty(Check([new(path, RecordJson.Write(batch))]).Problems);
        batch.Schema = 3;
        Assert.NotEmpty(Check([new(path, RecordJson.Write(batch))]).Problems);
    }

    [Fact]
    public void Point25_OldRefusalsTakenOut_ChainHoldsAndNobodyElseTakesOne()
    {
        var path = $"audit/ca/a/{2:D20}";
        AuditBatch Taken(Func<AuditRecord, bool> drops, ECDsa key)
        {
            var batch = RecordJson.Read<AuditBatch>(log[path]);
            Assert.True(AuditChain.Drop(batch, drops, "ca/a", key));
            return batch;
        }
        foreach (var drops in new Func<AuditRecord, bool>[] { _ => true, r => r.Certname == "node0",
            r => r.Certname == $"node{Size - 1}", r => r.Certname.EndsWith('7') })
        {
            var taken = Taken(drops, first);
            Assert.All(taken.Dropped, place => Assert.NotNull(AuditChain.DroppedHash(taken.Records[place])));
            var check = Check(With(path, RecordJson.Write(taken)));
            Assert.Empty(check.Problems);
            Assert.Equal(2 * Batches * Size, check.Records);
        }
        Assert.False(AuditChain.Drop(Taken(_ => true, first), _ => true, "ca/a", first));

        using var thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        const string NotBy = "ca/a batch 2: records were taken out of it, and not by this stream's replica";
        Told(With(path, RecordJson.Write(Taken(_ => true, thief))), NotBy);
        Told(With(path, RecordJson.Write(Taken(_ => true, second))), NotBy);
        // One more than its replica took.
        var more = Taken(r => r.Certname == "node3", first);
        var other = Taken(r => r.Certname == "node4", first);
        more.Records[4] = other.Records[4];
        more.Dropped.Add(4);
        Told(With(path, RecordJson.Write(more)), NotBy);
        // Other hashes, or none, in their place.
        var swapped = Taken(r => r.Certname is "node3" or "node9", first);
        (swapped.Records[3], swapped.Records[9]) = (swapped.Records[9], swapped.Records[3]);
        Told(With(path, RecordJson.Write(swapped)), "ca/a batch 2: record 5 does not follow");
        var hidden = Taken(r => r.Certname == "node3", first);
        hidden.Dropped.Clear();
        Told(With(path, RecordJson.Write(hidden)), "ca/a batch 2: record 4 does not follow");
        // As it was before: nothing of it is wrong.
        Assert.Empty(Check(log).Problems);
    }

    [Fact]
    public void GoOn_TailCutOff_NeverWritesANumberTwice()
    {
        AuditHead At(long sequence, string head) => new() { Stream = "s", Sequence = sequence, HeadSha256 = head };
        Assert.Equal((At(5, "e"), null), AuditHeads.GoOn(At(5, "e"), null, null));
        Assert.Equal((At(5, "e"), null), AuditHeads.GoOn(At(5, "e"), At(5, "e"), "e"));
        // Killed between the batch and the note of it.
        Assert.Equal((At(5, "e"), null), AuditHeads.GoOn(At(5, "e"), At(4, "d"), "d"));
        var (from, gap) = AuditHeads.GoOn(At(3, "c"), At(5, "e"), null);
        Assert.Equal(At(5, "e"), from);
        Assert.Contains("batches 4 to 5", gap, StringComparison.Ordinal);
        (from, gap) = AuditHeads.GoOn(At(5, "forged"), At(5, "e"), "forged");
        Assert.Equal((At(5, "e"), true), (from, gap is not null));
        Assert.NotNull(AuditHeads.GoOn(At(6, "f"), At(5, "e"), "forged").Gap);
    }

    [Fact]
    public void Problems_LogOf100000Records_TakesAFewSeconds()
    {
        var records = Enumerable.Range(0, 500).Select(i => new AuditRecord
        {
            Id = $"019aa000-0000-7000-8000-{i:D12}",
            Certname = $"4f1c0000-0000-4000-8000-{i:D12}",
            Action = i % 3 == 0 ? "cert.released" : "csr.refused",
            Decision = new Decision { Outcome = "refuse", Checks = { Enumerable.Range(0, 8)
                .Select(c => new Check { Name = $"check{c}", Expected = "a launch record", Observed = "found", Passed = true }) } },
        }).ToList();
        var big = new List<KeyValuePair<string, byte[]>>();
        var head = AuditChain.Origin;
        for (var sequence = 1; sequence <= 200; sequence++)
        {
            var batch = AuditChain.Seal(records, head, sequence, "ca/a", "w", first);
            head = batch.HeadSha256;
            big.Add(new($"audit/ca/a/{sequence:D20}", RecordJson.Write(batch)));
        }
        var watch = Stopwatch.StartNew();
        var check = Check(big);
        Assert.Empty(check.Problems);
        Assert.Equal(100_000, check.Records);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
        Console.WriteLine(
            $"100,000 audit records ({big.Sum(b => b.Value.LongLength) >> 20} MiB) verified in {watch.Elapsed.TotalSeconds:0.0} s");
    }

    private static void Damage(string kind, IList<string> records, int at)
    {
        switch (kind)
        {
            case "flipped":
                records[at] = records[at].Replace("node", "n0de", StringComparison.Ordinal);
                break;
            case "dropped":
                records.RemoveAt(at);
                break;
            case "inserted":
                records.Insert(at, records[at]);
                break;
            case "swapped":
                var other = at == 0 ? 1 : at - 1;
                (records[at], records[other]) = (records[other], records[at]);
                break;
            default:
                records[at] = records[at][..^5];
                break;
        }
    }

    private void Told(IEnumerable<KeyValuePair<string, byte[]>> objects, string problem)
    {
        var problems = Check(objects).Problems;
        Assert.True(problems.Any(p => p.StartsWith(problem, StringComparison.Ordinal)), string.Join('\n', problems));
    }

    private AuditLogCheck Check(IEnumerable<KeyValuePair<string, byte[]>> objects, AuditHead? expected = null, bool settle = true)
    {
        var check = new AuditLogCheck((kid, stream) => (stream, kid) switch
        {
            ("ca/a", _) when kid == LaunchKeyId.Of(first) => first,
            ("ca/b", _) when kid == LaunchKeyId.Of(second) => second,
            _ => null,
        }, new RecordedActs());
        foreach (var (path, body) in objects)
            check.Read(path, body);
        if (expected is not null)
            check.Expect(expected, "the operator");
        if (settle)
            check.Settle();
        return check;
    }

    private SortedDictionary<string, byte[]> With(string path, byte[] body) => new(log, StringComparer.Ordinal) { [path] = body };

    private SortedDictionary<string, byte[]> Without(params string[] paths)
    {
        var rest = new SortedDictionary<string, byte[]>(log, StringComparer.Ordinal);
        foreach (var path in paths)
            rest.Remove(path);
        return rest;
    }
}
