using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Alarms about unrecorded certificates that failed are repeated; and which replica's refuseUnrecorded counts where.</summary>
/// <remarks>Beside no test that counts such alarms of this process.</remarks>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class UnrecordedAlarmTests : IAsyncLifetime
{
    private readonly CaFixture house = new();
    private readonly StepClock clock = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Alarm_ThatFailed_IsGivenLaterAndOnce()
    {
        var store = new FaultyStore(house.Store);
        await using var ca = await RunningCa.Start(house, house.Options("a") with { Store = store });
        using var node = await Lost(ca);
        // Whether the name is registered can't be known.
        store.FailNextRead(ObjectKeys.Launch(node.Name));
        Assert.Equal(HttpStatusCode.Forbidden, await Renew(node));
        Assert.Empty(Alarms(await ca.AuditRecords(), node));

        await Retold(ca, node);
    }

    [Fact]
    public async Task Alarm_OfAProcessThatDied_IsGivenByAnotherReplica()
    {
        await using var ca = await RunningCa.Start(house, house.Options("b") with { Clock = clock });
        using var node = await Lost(ca);
        // Kept by a replica that came no further.
        await ca.Services.GetRequiredService<UnclaimedCertificates>().PutSeen(node.Certificate, "192.0.2.7", default);
        await ca.Services.GetRequiredService<UnrecordedCertificates>().RecordWaiting(default);
        Assert.Empty(Alarms(await Flushed(ca), node));
        clock.Passed = TimeSpan.FromMinutes(4);

        await Retold(ca, node);
        Assert.Equal("192.0.2.7", Assert.Single(Alarms(await ca.AuditRecords(), node)).Peer);
    }

    [Fact]
    public async Task RefuseUnrecorded_ReplicasThatDiffer_EachGoesByItsOwnAndTheOthersByTheStrictest()
    {
        var (lenient, strict) = (house.Options("lenient"), house.Options("strict"));
        lenient = lenient with { PuppetApi = lenient.PuppetApi with { RefuseUnrecorded = false } };
        await using (var one = await RunningCa.Start(house, strict))
        {
            // The one that starts last has no more to say than the other.
            await using var two = await RunningCa.Start(house, lenient);
            await Eventually.True(async () => (await Issuer())?.Replicas.Count == 2, "both have written");
            Assert.True((await Issuer())!.RefuseUnrecorded);
            using var node = await Lost(one);
            Assert.Equal(HttpStatusCode.Forbidden, await Ca(one, node));
            Assert.Equal(HttpStatusCode.OK, await Ca(two, node));
        }
        // All let them in; and one that is gone for good counts no more after three hours.
        clock.Passed = TimeSpan.FromHours(2);
        await using (await RunningCa.Start(house, lenient with { Clock = clock }))
        {
            await Eventually.True(
                async () => (await Issuer())!.Replicas.Any(r => r.At.ToDateTimeOffset() > clock.GetUtcNow().AddMinutes(-10)), "written");
        }
        Assert.True((await Issuer())!.RefuseUnrecorded);
        clock.Passed = TimeSpan.FromHours(4);
        await using (await RunningCa.Start(house, lenient with { Clock = clock }))
            await Eventually.True(async () => !(await Issuer())!.RefuseUnrecorded, "the other services let them in");
    }

    [Fact]
    public async Task Issuer_RecordTooLargeToRead_IsReplaced()
    {
        await (await RunningCa.Start(house, house.Options("a"))).DisposeAsync();
        var file = Path.Combine(house.Bucket, Assert.Single(await house.Keys("ca/issuers/")));
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file)).PadRight(256 * 1024 + 1));

        await using var ca = await RunningCa.Start(house, house.Options("a"));

        await Eventually.True(() => new FileInfo(file).Length < 10_000, "it is replaced");
        Assert.True((await Issuer())!.RefuseUnrecorded);
    }

    private Task<Issuer?> Issuer() =>
        house.Keys("ca/issuers/").ContinueWith(k => house.Store.Get<Issuer>(k.Result.Single(), default), TaskScheduler.Default).Unwrap();

    private static async Task Retold(RunningCa ca, CertifiedClient node)
    {
        var unrecorded = ca.Services.GetRequiredService<UnrecordedCertificates>();
        await unrecorded.RecordWaiting(default);
        await unrecorded.RecordWaiting(default);
        Assert.Single(Alarms(await Flushed(ca), node));
        Assert.Single(
            ca.Options.Log.Lines, l => l.StartsWith($"Critical ca.unrecorded: certificate {node.Serial} ", StringComparison.Ordinal));
        Assert.NotNull((await ca.House.Store.Get<CertificateRecord>(ObjectKeys.UnclaimedCertificate(node.Serial), default))!.ToldAt);
    }

    private static async Task<IReadOnlyList<AuditRecord>> Flushed(RunningCa ca)
    {
        Assert.True(await ca.Services.GetRequiredService<Audit.AuditLog>().Flushed(default));
        return await ca.AuditRecords();
    }

    private static IEnumerable<AuditRecord> Alarms(IEnumerable<AuditRecord> records, CertifiedClient node) =>
        records.Where(r => r.Action == "cert.unrecorded" && r.Serial == node.Serial);

    private async Task<CertifiedClient> Lost(RunningCa ca)
    {
        var node = await ca.Node();
        foreach (var key in (await house.Keys(ObjectKeys.ClaimsOf(node.Name))).Append(ObjectKeys.Certificate(node.Serial)))
            await house.Store.Delete(key, default);
        return node;
    }

    private static async Task<HttpStatusCode> Ca(RunningCa ca, CertifiedClient node)
    {
        using var http = ca.AgentClient(node.Certificate);
        using var answer = await http.GetAsync(new Uri("certificate/ca", UriKind.Relative));
        return answer.StatusCode;
    }

    private static async Task<HttpStatusCode> Renew(CertifiedClient node)
    {
        using var answer = await node.Http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
        return answer.StatusCode;
    }
}
