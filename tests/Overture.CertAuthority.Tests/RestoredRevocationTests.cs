using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A record of ca/revoked that was deleted, while the list holds its serial: written back, since the other services go by records alone.
/// </summary>
[Trait("Category", "integration")]
public sealed class RestoredRevocationTests : IAsyncLifetime
{
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Start_RecordDeleted_IsMadeFromTheListSaidAndRefusedByTheOtherServices()
    {
        using var node = await Deleted(await RunningCa.Start(house, house.Options("a")));
        var peers = new PuppetserverPeers(
            house.Store, new PuppetCaBundle(house.BundleFile, "caBundle"),
            LaunchVerifier.FromDirectory(house.Pki.TrustedLaunchKeys).Verify);
        foreach (var block in await house.Keys(ObjectKeys.BlocksOf(node.Name)))
            await house.Store.Delete(block, default);
        Assert.Null(await peers.Refusal(node.Certificate, default));

        // A replica that never read the record: what it writes comes from the list.
        await using var ca = await house.Start("b");

        await Eventually.True(async () => await peers.Refusal(node.Certificate, default) is { } why
            && why.EndsWith("is blocked or revoked", StringComparison.Ordinal), "8142 and 8143 refuse it");
        var record = (await house.Store.Get<RevocationRecord>(ObjectKeys.Revocation(node.Serial), default))!;
        Assert.Equal((1u, node.Serial, $"{node.Name}", (int)RevocationReason.KeyCompromise),
            (record.Schema, record.Serial, record.Certname, record.ReasonCode));
        Assert.NotEmpty(record.WriteId);
        Assert.Equal(node.Certificate.NotAfter.ToUniversalTime(), record.CertificateNotAfter.ToDateTime());
        Assert.Single(ca.Options.Log.Lines, l =>
            l.StartsWith($"Warning ca.revocation_restored: ca/revoked/{node.Serial} ", StringComparison.Ordinal));
        var told = await ca.Audited($"{node.Name}", "AUDIT_BROKEN");
        Assert.Equal(("cert.revocation_restored", "error", node.Serial), (told.Action, told.Outcome, told.Serial));
        // Verification does not forget that it was deleted.
        Assert.Contains(await Problems(ca), p =>
            p.StartsWith($"ca/revoked/{node.Serial}: was gone from the store, and was written back", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Running_RecordDeleted_IsWrittenBackAsItWas()
    {
        var clock = new StepClock();
        await using var ca = await RunningCa.Start(house, house.Options("a") with { Clock = clock });
        using var node = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "stolen" });
        var key = ObjectKeys.Revocation(node.Serial);
        var written = (await house.Store.Get(key, default))!.Body;
        await house.Store.Delete(key, default);
        // A record restored by hand comes first; then half a minute passes.
        await Eventually.True(() => ca.Services.GetRequiredService<RevocationStore>().Missing == 1, "it is missed");
        Assert.Null(await house.Store.Get(key, default));
        clock.Passed += TimeSpan.FromSeconds(30);

        await Eventually.True(async () => await house.Store.Get(key, default) is not null, "it is written back");

        Assert.Equal(written, (await house.Store.Get(key, default))!.Body);
        Assert.Single(await Problems(ca), p => p.StartsWith(key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Running_AuditLogTakesNothing_IsWrittenBackOnlyAfterItsReport()
    {
        var (clock, store) = (new StepClock(), new FaultyStore(house.Store));
        await using var ca = await RunningCa.Start(house, house.Options("a") with { Clock = clock, Store = store });
        using var node = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "stolen" });
        var key = ObjectKeys.Revocation(node.Serial);
        await house.Store.Delete(key, default);
        await Eventually.True(() => ca.Services.GetRequiredService<RevocationStore>().Missing == 1, "it is missed");
        store.Refused = ObjectKeys.AuditStreams;
        clock.Passed += TimeSpan.FromSeconds(30);

        bool Waits() => ca.Options.Log.Lines.Count(l => l.Contains("revocations to write back", StringComparison.Ordinal)) > 1;
        await Eventually.True(Waits, "it was tried twice");
        Assert.Null(await house.Store.Get(key, default));
        store.Refused = null;

        await Eventually.True(async () => await house.Store.Get(key, default) is not null, "it is written back");
        Assert.Single(await ca.AuditRecords(), r => r.Action == "cert.revocation_restored" && r.Serial == node.Serial);
    }

    [Fact]
    public async Task Running_RecordPutBackByAnother_IsNotSaid()
    {
        var clock = new StepClock();
        await using var ca = await RunningCa.Start(house, house.Options("a") with { Clock = clock });
        using var node = await ca.Node();
        await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "stolen" });
        var key = ObjectKeys.Revocation(node.Serial);
        var written = (await house.Store.Get(key, default))!.Body;
        var revocations = ca.Services.GetRequiredService<RevocationStore>();
        await house.Store.Delete(key, default);
        await Eventually.True(() => revocations.Missing == 1, "it is missed");
        await house.Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)written, default);
        await Eventually.True(() => revocations.Missing == 0, "it is there");
        Assert.Empty(await Problems(ca));
        Assert.DoesNotContain(ca.Options.Log.Lines, l => l.Contains("ca.revocation_restored", StringComparison.Ordinal));
    }

    private async Task<CertifiedClient> Deleted(RunningCa ca)
    {
        await using (ca)
        {
            var node = await ca.Node(r => r.Role = "puppetserver");
            await ca.Admin.RevokeCertificateAsync(new() { Certname = $"{node.Name}", Reason = "stolen" });
            await house.Store.Delete(ObjectKeys.Revocation(node.Serial), default);
            return node;
        }
    }

    private static async Task<IReadOnlyList<string>> Problems(RunningCa ca)
    {
        using var call = ca.Admin.VerifyAudit(new VerifyAuditRequest());
        VerifyAuditResponse? last = null;
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
            last = answer;
        return last!.Problems;
    }
}
