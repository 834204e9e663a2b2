using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Grpc.Health.V1;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;
using Status = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A store that is not mounted, emptied, another or older, and a writer of the bucket who deletes: what was revoked stays revoked, no
/// number of a list is given away twice, and no token signs a second key.
/// </summary>
[Trait("Category", "integration")]
public sealed class LostStoreTests : IAsyncLifetime
{
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Point20_StoreUnmounted_IsNotReadyWritesNothingAndHeals()
    {
        var options = house.Options("a");
        string serial;
        long number;
        var away = house.Bucket + ".away";
        await using (var ca = await RunningCa.Start(house, options))
        {
            using var node = await ca.Node();
            serial = node.Serial;
            number = (await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "stolen" })).CrlNumber;
            var late = await house.Launch();
            using var key = CsrBuilder.EcKey();

            Directory.Move(house.Bucket, away);
            // What is below a mount point, is just a directory.
            Directory.CreateDirectory(Path.Combine(house.Bucket, ".tmp"));

            var (status, why) = await Health(ca);
            Assert.Equal(Status.NotServing, status);
            Assert.Contains("has no deployment/id", why, StringComparison.Ordinal);
            Assert.Contains("store.id", why, StringComparison.Ordinal);
            using (var refused = await ca.Put(late, key))
                Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains(serial, Listed((await ca.Admin.GetCrlAsync(new())).CrlPem));
            Assert.Single(options.Log.Lines, l => l.StartsWith("Critical store.another", StringComparison.Ordinal));
        }
        // A restart does not begin again either.
        var next = await Assert.ThrowsAsync<FaultException>(() => RunningCa.Start(house, options));
        Assert.Contains("Next: ", next.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(house.Bucket, "*", SearchOption.AllDirectories));

        Directory.Delete(house.Bucket, recursive: true);
        Directory.Move(away, house.Bucket);
        await using var back = await RunningCa.Start(house, options);
        Assert.Equal((Status.Serving, ""), await Health(back));
        var list = await back.Admin.GetCrlAsync(new());
        Assert.True(list.Number > number);
        Assert.Contains(serial, Listed(list.CrlPem));
    }

    [Fact]
    public async Task Point20_MovedToAnEmptyStoreOnPurpose_ListGoesOnAboveAndHoldsAll()
    {
        var options = house.Options("a");
        var (node, number) = await Revoked(options);
        using (node)
        {
            Empty(house.Bucket);
            File.WriteAllText(Path.Combine(options.StateDirectory, StoreIdentity.FileName), "new\n");
            // The store may be another; the audit stream that is gone is said by itself.
            Assert.Contains("audit stream", (await Assert.ThrowsAsync<FaultException>(() => RunningCa.Start(house, options))).Message,
                StringComparison.Ordinal);
            File.Delete(Path.Combine(options.StateDirectory, "audit.head"));

            await using var ca = await RunningCa.Start(house, options);

            var list = await ca.Admin.GetCrlAsync(new());
            Assert.True(list.Number > number, $"{list.Number} after {number}");
            Assert.Contains(node.Serial, Listed(list.CrlPem));
            Assert.Contains(options.Log.Lines, l => l.StartsWith("Critical ca.crl.lost", StringComparison.Ordinal));
            Assert.False(await Renews(ca, node));
        }
    }

    [Fact]
    public async Task Point20_OlderBackupRestored_WhatWasRevokedSinceStaysRevoked()
    {
        var options = house.Options("a");
        var (first, _) = await Revoked(options);
        Copy(house.Bucket, house.Bucket + ".backup");
        var (node, number) = await Revoked(options);
        using (first)
        using (node)
        {
            Empty(house.Bucket);
            Copy(house.Bucket + ".backup", house.Bucket);

            await using var ca = await RunningCa.Start(house, options);

            Assert.Equal(Status.Serving, (await Health(ca)).Status);
            var list = await ca.Admin.GetCrlAsync(new());
            Assert.True(list.Number > number, $"{list.Number} after {number}");
            Assert.Superset(new HashSet<string> { first.Serial, node.Serial }, Listed(list.CrlPem));
            Assert.False(await Renews(ca, node));
            // Another replica, which remembers nothing, takes it from the list.
            await using var other = await house.Start("b");
            Assert.Contains(node.Serial, Listed((await other.Admin.GetCrlAsync(new())).CrlPem));
        }
    }

    [Fact]
    public async Task Point20_OwnAuditStreamGone_IsNotReadyAndNotBegunAgain()
    {
        await using var ca = await house.Start("a");
        using var node = await ca.Node();
        await Eventually.True(
            async () => (await ca.AuditRecords()).Any(r => r.Action == "cert.released" && r.Serial == node.Serial), "a batch is written");
        var bodies = new Dictionary<string, byte[]>();
        foreach (var key in await house.Keys(ObjectKeys.AuditStreams))
        {
            bodies[key] = (await house.Store.Get(key, default))!.Body;
            await house.Store.Delete(key, default);
        }

        var (status, why) = await Health(ca);
        Assert.Equal(Status.NotServing, status);
        Assert.Contains("the audit stream certauthority/a is gone", why, StringComparison.Ordinal);
        using var second = await ca.Node();
        await Eventually.True(
            () => ca.Options.Log.Lines.Any(l => l.StartsWith("Error audit.waits", StringComparison.Ordinal)), "its record waits");
        Assert.Empty(await house.Keys(ObjectKeys.AuditStreams));

        foreach (var (key, body) in bodies)
            await house.Store.PutIfAbsent(key, (ReadOnlyMemory<byte>)body, default);
        await Eventually.True(async () => (await ca.AuditRecords()).Any(r => r.Serial == second.Serial), "what waited is written");
        Assert.Equal((Status.Serving, ""), await Health(ca));
    }

    [Fact]
    public async Task Point23_RevocationBlocksAndNewestListDeleted_RevokedCertificateDoesNotRenew()
    {
        var options = house.Options("a");
        var (node, number) = await Revoked(options);
        using (node)
        {
            var before = (await house.Store.Get<CrlRecord>(ObjectKeys.Crl(number), default))!;
            await house.Store.Delete(ObjectKeys.Revocation(node.Serial), default);
            foreach (var block in await house.Keys(ObjectKeys.BlocksOf(node.Name)))
                await house.Store.Delete(block, default);
            await house.Store.Delete(ObjectKeys.Crl(number), default);

            await using var ca = await RunningCa.Start(house, options);

            Assert.False(await Renews(ca, node));
            var list = await ca.Admin.GetCrlAsync(new());
            Assert.True(list.Number > number, $"{list.Number} after {number}");
            Assert.Contains(node.Serial, Listed(list.CrlPem));
            // The number that was given away holds what it held, or nothing.
            var again = await house.Store.Get<CrlRecord>(ObjectKeys.Crl(number), default);
            Assert.True(again is null || again.Pem == before.Pem);
        }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Point23_ClaimDeleted_SpentTokenSignsNoSecondKey(bool restart)
    {
        var options = house.Options("a");
        var instance = await house.Launch();
        using var genuine = CsrBuilder.EcKey();
        using var thief = CsrBuilder.EcKey();
        var ca = await RunningCa.Start(house, options);
        try
        {
            (await ca.Put(instance, genuine)).EnsureSuccessStatusCode();
            var serial = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name))).Serial;
            await house.Store.Delete(ObjectKeys.Claim(instance.Name, "1"), default);
            if (restart)
            {
                await ca.DisposeAsync();
                ca = await RunningCa.Start(house, options);
            }

            using var refused = await ca.Put(instance, thief);

            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
            await ca.Audited(instance.Name.ToString(), "TOKEN_SPENT");
            Assert.Contains(options.Log.Lines, l => l.StartsWith("Critical ca.claim_lost", StringComparison.Ordinal));
            // And the certificate whose claim is gone can be revoked by its name.
            var revoked =
                await ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "its claim is gone" });
            Assert.Equal([serial], revoked.Serials);
            Assert.Contains(serial, Listed((await ca.Admin.GetCrlAsync(new())).CrlPem));
        }
        finally
        {
            await ca.DisposeAsync();
        }
    }

    [Fact]
    public async Task Point23_ClaimDeletedBeforeAnotherReplicaSawIt_TheAuditLogSaysThatItIsSpent()
    {
        var options = house.Options("a");
        var instance = await house.Launch();
        using var genuine = CsrBuilder.EcKey();
        using var thief = CsrBuilder.EcKey();
        await using (var ca = await RunningCa.Start(house, options))
            (await ca.Put(instance, genuine)).EnsureSuccessStatusCode();
        await house.Store.Delete(ObjectKeys.Claim(instance.Name, "1"), default);

        // Another replica, and its clock hurries: the audit log is read once a minute.
        string Spent(RunningCa ca) => File.ReadAllText(Directory.EnumerateFiles(ca.Options.StateDirectory, "spent-*").Single());
        await using (var hurried = await RunningCa.Start(house, house.Options("b") with { Clock = new HurriedClock() }))
            await Eventually.True(() => Spent(hurried).Contains($"{instance.Name} 1 ", StringComparison.Ordinal), "the log was read");
        await using var other = await house.Start("b");
        using var refused = await other.Put(instance, thief);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Empty(await house.Keys(ObjectKeys.ClaimsOf(instance.Name)));
    }

    [Fact]
    public async Task Point23_ClaimsOfAnApprovedNameDeleted_NoSecondKeyUntilTheFirstIsRevoked()
    {
        await using var ca = await house.Start("a");
        var name = CertName.Parse("approved.example.org");
        await house.Store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)"classes: {}\n"u8.ToArray(), default);
        await Approve(ca, name);
        await house.Store.Delete(ObjectKeys.Claim(name, "1"), default);

        var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => Approve(ca, name));
        Assert.Equal("NAME_TAKEN", RpcDetails.Reason(refused));

        Assert.Single((await ca.Admin.RevokeCertificateAsync(new() { Certname = name.ToString(), Reason = "replaced" })).Serials);
        await Approve(ca, name);
        Assert.Equal([ObjectKeys.Claim(name, "2")], await house.Keys(ObjectKeys.ClaimsOf(name)));
    }

    [Theory]
    [InlineData("a"), InlineData("another")]
    public async Task Point26_NewestListTruncated_AGoodOneIsServedAndTheNextIsAbove(string replica)
    {
        var options = house.Options("a");
        var (node, number) = await Revoked(options);
        using (node)
        {
            var newest = (await house.Keys(ObjectKeys.Crls))[^1];
            var body = (await house.Store.Get(newest, default))!.Body;
            await house.Store.Delete(newest, default);
            await house.Store.PutIfAbsent(newest, body.AsMemory(0, body.Length / 2), default);
            var next = house.Options(replica);

            await using var ca = await RunningCa.Start(house, next);

            var list = await ca.Admin.GetCrlAsync(new());
            Assert.True(list.Number > number && ObjectKeys.Crl(list.Number) != newest, $"{list.Number} after {newest}");
            Assert.Contains(node.Serial, Listed(list.CrlPem));
            Assert.Contains(next.Log.Lines, l =>
                l.StartsWith("Critical ca.", StringComparison.Ordinal) && l.Contains(newest, StringComparison.Ordinal));
            await Eventually.True(async () => (await ca.AuditRecords()).Any(r => r.Action == "crl.damaged"), "it is in the audit log");
            // Said once, though it is looked at every 2 s.
            await Eventually.True(async () => (await ca.Admin.GetCrlAsync(new())).Number == list.Number, "it is current");
            Assert.Equal(1, next.Log.Lines.Count(l => l.StartsWith("Critical ca.", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task Point26_ClockSixYearsAhead_ListKeepsItsEntries()
    {
        var (node, number) = await Revoked(house.Options("a"));
        var clock = new HurriedClock();
        var options = house.Options("a") with { Clock = clock };
        using (node)
        {
            // Twice: the second list goes by the first one's dates.
            foreach (var shift in new[] { TimeSpan.FromDays(6 * 365), TimeSpan.FromDays(6 * 365), TimeSpan.Zero })
            {
                clock.Shift = shift;
                await using var ca = await RunningCa.Start(house, options);
                // Not by gRPC: by that clock the peers' certificates ended.
                var list = ca.Services.GetRequiredService<CrlPublisher>().Current!;
                Assert.True(list.Number > number);
                Assert.Contains(node.Serial, Listed(list.Pem));
                number = list.Number;
            }
        }
    }

    // A kill between a claim and its line: the next start reads the claim. In the middle of a line: the rest goes on.
    private async Task<(CertifiedClient Node, long Number)> Revoked(TestCaOptions options)
    {
        await using var ca = await RunningCa.Start(house, options);
        var node = await ca.Node();
        return (node, (await ca.Admin.RevokeCertificateAsync(new() { Certname = node.Name.ToString(), Reason = "stolen" })).CrlNumber);
    }

    // A client known to be revoked does not get as far as an answer.
    private static async Task<bool> Renews(RunningCa ca, CertifiedClient node)
    {
        using var http = ca.AgentClient(node.Certificate);
        try
        {
            using var answer = await http.PostAsync(new Uri("certificate_renewal", UriKind.Relative), new StringContent(""));
            return answer.StatusCode != HttpStatusCode.Forbidden;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task Approve(RunningCa ca, CertName name)
    {
        using var key = CsrBuilder.EcKey();
        (await ca.Put(name.ToString(), new CsrBuilder(name.ToString(), key).Pem())).Dispose();
        var spki = Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        try
        {
            await ca.Admin.ApproveCertificateRequestAsync(new() { Certname = name.ToString(), SpkiSha256 = spki, Reason = "it fits" });
        }
        finally
        {
            foreach (var held in await house.Keys(ObjectKeys.HeldRequestsOf(name)))
                await house.Store.Delete(held, default);
        }
    }

    private async Task<(Status Status, string Why)> Health(RunningCa ca)
    {
        using var channel = house.Pki.Channel(ca.GrpcPort, "viewer");
        using var call = new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest());
        var status = (await call).Status;
        return (status, call.GetTrailers().GetValue("overture-why") ?? "");
    }

    private static HashSet<string> Listed(string pem) => [.. CrlFacts.Read(CrlPem.Split(pem)[0]).Entries.Select(e => $"{e.Serial}")];

    private static void Empty(string directory)
    {
        foreach (var entry in Directory.EnumerateFileSystemEntries(directory))
        {
            if (Directory.Exists(entry))
                Directory.Delete(entry, recursive: true);
            else
                File.Delete(entry);
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (var folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories).Prepend(from))
            Directory.CreateDirectory(to + folder[from.Length..]);
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, to + file[from.Length..]);
    }
}
