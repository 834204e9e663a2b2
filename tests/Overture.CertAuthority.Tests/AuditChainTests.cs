using System.Security.Cryptography;
using Overture.CertAuthority.Audit;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Tampering is seen, wherever it is done (threats §5).</summary>
public sealed class AuditChainTests : IDisposable
{
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public void Dispose() => key.Dispose();

    [Fact]
    public void Broken_UntouchedStream_IsNull() => Assert.Null(AuditChain.Broken(Stream(), "s", key));

    [Fact]
    public void Broken_AnyRecordFlippedDroppedAddedOrSwapped_IsSeen()
    {
        for (var batch = 0; batch < 3; batch++)
        {
            for (var record = 0; record < 4; record++)
            {
                Seen(batch, b => b.Records[record] = b.Records[record].Replace("node", "n0de", StringComparison.Ordinal));
                Seen(batch, b => b.Records.RemoveAt(record));
                Seen(batch, b => b.Records.Insert(record, b.Records[record]));
                if (record > 0)
                    Seen(batch, b => (b.Records[record], b.Records[record - 1]) = (b.Records[record - 1], b.Records[record]));
            }
            Seen(batch, b => b.HeadSha256 = new string('0', 64));
            Seen(batch, b => b.Signature = Google.Protobuf.ByteString.CopyFrom(new byte[64]));
        }
    }

    [Fact]
    public void Broken_BatchMissing_IsSeen()
    {
        var batches = Stream();
        batches.RemoveAt(1);
        Assert.NotNull(AuditChain.Broken(batches, "s", key));
    }

    [Fact]
    public void Broken_RewrittenWithoutTheKey_IsSeen()
    {
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var batches = Stream();
        batches[2] = AuditChain.Seal([new AuditRecord { Certname = "forged" }], batches[1].HeadSha256, 3, "s", "w", other);
        Assert.NotNull(AuditChain.Broken(batches, "s", key));
    }

    [Fact]
    public void Broken_StreamOfAnotherReplica_IsSeen() => Assert.NotNull(AuditChain.Broken(Stream(), "another", key));

    private void Seen(int batch, Action<AuditBatch> tamper)
    {
        var batches = Stream();
        tamper(batches[batch]);
        Assert.NotNull(AuditChain.Broken(batches, "s", key));
    }

    private List<AuditBatch> Stream()
    {
        var batches = new List<AuditBatch>();
        for (var sequence = 1; sequence <= 3; sequence++)
        {
            var records = Enumerable.Range(0, 4).Select(i => new AuditRecord { Id = $"{sequence}.{i}", Certname = "node", Action = "csr.refused" });
            batches.Add(AuditChain.Seal(records, batches.Count == 0 ? AuditChain.Origin : batches[^1].HeadSha256, sequence, "s", "w", key));
        }
        return batches;
    }
}

[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class AuditLogTests(CaHouse house)
{
    [Fact]
    public async Task Stream_AcrossRestartAndFailingWrites_IsWhole()
    {
        var options = house.Options("audit");
        using var ec = CsrBuilder.EcKey();
        var names = new List<string>();
        for (var run = 0; run < 3; run++)
        {
            var store = new FaultyStore(house.Store);
            await using var ca = await RunningCa.Start(house, options with { Store = store, Listen = house.Options("audit").Listen });
            foreach (var where in new[] { Break.Before, Break.After })
            {
                var stranger = house.NewName().ToString();
                names.Add(stranger);
                store.FailNext("audit/", where);
                (await ca.Put(stranger, new CsrBuilder(stranger, ec).Challenge("x").Pem())).Dispose();
                await Eventually.True(() => store.Tripped, "a batch was tried");
            }
        }

        var batches = await house.All<AuditBatch>(ObjectKeys.AuditOf("certauthority", "audit"));
        using var key = ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(options.StateDirectory, AuditKey.PublicFile)));
        Assert.Null(AuditChain.Broken(batches, "certauthority/audit", key));
        // Each decision exactly once, whatever became of the first try to write it; the last ones are flushed at the end.
        var records = batches.SelectMany(b => b.Records).Select(RecordJson.Read<AuditRecord>).ToList();
        Assert.Equal(names, records.Where(r => r.Action == "csr.refused").Select(r => r.Certname));
        Assert.All(records.Where(r => r.Action == "csr.refused"), r => Assert.NotEmpty(r.Decision.Checks));
    }
}
