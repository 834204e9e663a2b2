using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Signing;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

[Collection(CaCollection.Name), Trait("Category", "integration")]
public sealed class AuditLogTests(CaFixture house)
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
        using var keys = new AuditKeyring(house.Store, house.Ca.Services.GetRequiredService<CaSigner>());
        await keys.Refresh(default);
        var check = new AuditLogCheck(keys.Find);
        foreach (var path in await house.Keys(ObjectKeys.AuditOf("certauthority", "audit")))
            check.Read(path, (await house.Store.Get(path, default))!.Body);
        Assert.Empty(check.Problems);
        // Each decision exactly once, whatever became of the first try to write it; the last ones are flushed at the end.
        var records = batches.SelectMany(b => b.Records).Select(RecordJson.Read<AuditRecord>).ToList();
        Assert.Equal(names, records.Where(r => r.Action == "csr.refused").Select(r => r.Certname));
        Assert.All(records.Where(r => r.Action == "csr.refused"), r => Assert.NotEmpty(r.Decision.Checks));
    }
}
