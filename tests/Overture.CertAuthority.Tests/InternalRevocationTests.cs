using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Grpc.Health.V1;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>Revoked certificates of the internal PKI: the list is taken, nothing is taken back, and nothing else is a list.</summary>
[Trait("Category", "integration")]
public sealed class InternalRevocationTests : IAsyncLifetime
{
    private readonly CaFixture house = new();
    private SerialNumber jo, kim;

    public async Task InitializeAsync()
    {
        await house.Open();
        (jo, kim) = (house.Pki.Issue("jo", Role.Operator), house.Pki.Issue("kim", Role.Admin));
    }

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Revoked_OnOpenConnections_CountsAtOnceAndStreamsEnd()
    {
        await using var ca = await house.Start("1");
        using var channel = house.Pki.Channel(ca.GrpcPort, "jo");
        using var other = house.Pki.Channel(ca.GrpcPort, "kim");
        var client = new CertAuthorityService.CertAuthorityServiceClient(channel);
        await client.GetCrlAsync(new());
        using var watch = new Health.HealthClient(channel).Watch(new HealthCheckRequest());
        Assert.True(await watch.ResponseStream.MoveNext());

        var list = house.Pki.Revoked(jo);
        var answer = await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = list.Pem });

        Assert.Equal((1, 1), (answer.Number, answer.Revoked));
        var call = await Assert.ThrowsAsync<RpcException>(async () => await client.GetCrlAsync(new()));
        Assert.Equal((StatusCode.PermissionDenied, "CERTIFICATE_REVOKED"), (call.StatusCode, RpcDetails.Reason(call)));
        Assert.Contains($"{jo}", call.Status.Detail, StringComparison.Ordinal);
        var stream = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await watch.ResponseStream.MoveNext().WaitAsync(TimeSpan.FromSeconds(60)))
            {
                // a change of health, said before
            }
        });
        Assert.Equal("CERTIFICATE_REVOKED", RpcDetails.Reason(stream));
        await new CertAuthorityService.CertAuthorityServiceClient(other).GetCrlAsync(new());
        await Eventually.True(async () => (await ca.AuditRecords()).Any(r => r is { Action: "pki.crl_published", Actor: "admin" }),
            "who published it is in the audit log");
        // Once more is no error, and no other record: it was recorded before it was published.
        Assert.Equal(1, (await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = list.Pem })).Number);
        Assert.Single(await ca.AuditRecords(), r => r.Action == "pki.crl_published");
        Assert.Equal([list.Pem], (await ca.Admin.GetInternalCrlsAsync(new())).CrlPem);
        // A new certificate of the same CA and name is another certificate.
        File.Delete(house.Pki.Files("jo").Certificate);
        File.Delete(house.Pki.Files("jo").Key);
        house.Pki.Issue("jo", Role.Operator);
        using var again = house.Pki.Channel(ca.GrpcPort, "jo");
        await new CertAuthorityService.CertAuthorityServiceClient(again).GetCrlAsync(new());
    }

    [Fact]
    public async Task Publish_WhatTakesBackOrIsNotOurs_IsRefused()
    {
        await using var ca = await house.Start("1");
        var first = house.Pki.Revoked(jo);
        var second = house.Pki.Revoked(kim);
        await Refused(ca, second.Pem, "ETAG_MISMATCH", "overture pki revoke NAME --offline --number 1");
        await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = first.Pem });
        await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = second.Pem });

        await Refused(ca, first.Pem, "ETAG_MISMATCH", "list 2 of this CA is published already");
        // The same CA with another memory: the next number, and jo is not on it.
        File.Delete(Path.Combine(house.Pki.Home, "pki", "crl.pem"));
        house.Pki.Revoked(kim);
        house.Pki.Revoked(kim);
        var third = house.Pki.Revoked(kim);
        await Refused(ca, third.Pem, "INVALID_FIELD", "a revocation is not taken back");
        using (var stranger = new TestPki())
            await Refused(ca, stranger.Revoked(jo, kim).Pem, "INVALID_FIELD", "is not signed by a CA of the internal PKI");
        await Refused(ca, "", "INVALID_FIELD", "must be one CRL in PEM");
        await Refused(ca, second.Pem + second.Pem, "INVALID_FIELD", "must be one CRL in PEM");
        await Refused(ca, second.Pem.Replace("MI", "MJ", StringComparison.Ordinal), "INVALID_FIELD", "crl_pem");
        using var channel = house.Pki.Channel(ca.GrpcPort, "operator");
        var role = await Assert.ThrowsAsync<RpcException>(async () =>
            await new CertAuthorityService.CertAuthorityServiceClient(channel).PublishInternalCrlAsync(new() { CrlPem = second.Pem }));
        Assert.Equal("ROLE_MISSING", RpcDetails.Reason(role));
        Assert.Equal([second.Pem], (await ca.Admin.GetInternalCrlsAsync(new())).CrlPem);
    }

    [Fact]
    public async Task Store_EmptiedOrFilledByOthers_TakesNothingBack()
    {
        var (first, second) = (house.Pki.Revoked(jo), house.Pki.Revoked(kim));
        await Put(first.Issuer, 1, first.Pem);
        await Put(second.Issuer, 2, second.Pem);
        await using (var ca = await house.Start("1"))
            await Denied(ca, "jo", "kim");

        // An older list under a higher number, and what is no list.
        await house.Store.Delete(ObjectKeys.InternalCrl($"{second.Issuer}", 2), default);
        await Put(first.Issuer, 3, first.Pem);
        await Put(first.Issuer, long.MaxValue, "garbage");
        using (var stranger = new TestPki())
            await Put(first.Issuer, 4, stranger.Revoked().Pem);
        await using (var ca = await house.Start("1"))
        {
            await Denied(ca, "jo", "kim");
            Assert.Contains(ca.Options.Log.Lines, l => l.Contains("tls.foreign_crl", StringComparison.Ordinal)
                && l.Contains("is list 1 of its CA", StringComparison.Ordinal));
        }
        // A replica that has never seen the second one goes by what is there.
        await using (var ca = await house.Start("2"))
            await Denied(ca, "jo");
    }

    [Fact]
    public async Task ListThatAnotherPublished_IsTakenByARunningService()
    {
        await using var ca = await RunningCa.Start(house, house.Options("1") with { Clock = new QuickTurnsClock() });
        using var channel = house.Pki.Channel(ca.GrpcPort, "jo");
        var client = new CertAuthorityService.CertAuthorityServiceClient(channel);
        await client.GetCrlAsync(new());
        var list = house.Pki.Revoked(jo);
        await Put(list.Issuer, list.Number, list.Pem);
        await Eventually.True(async () => (await Record.ExceptionAsync(async () => await client.GetCrlAsync(new()))) is RpcException e
            && RpcDetails.Reason(e) == "CERTIFICATE_REVOKED", "the list is taken within half a minute");
    }

    [Fact]
    public async Task Publish_TwoAtOnce_EitherHoldsTheOther()
    {
        await using var one = await house.Start("1");
        await using var two = await house.Start("2");
        var memories = new[] { house.Pki.Revoked(jo), Forgotten(kim) };
        var outcomes = await Task.WhenAll(Publish(one, memories[0]), Publish(two, memories[1]));
        Assert.Equal(["", "ETAG_MISMATCH"], outcomes.Order());
        // The second one's next list must hold the first one's entries, whatever its number.
        var late = Forgotten(outcomes[0].Length > 0 ? jo : kim, 2);
        await Refused(one, late.Pem, "INVALID_FIELD", "a revocation is not taken back");
        await Refused(two, Forgotten(kim, 3).Pem, "ETAG_MISMATCH", "can't follow list 1");
    }

    [Fact]
    public async Task Publish_WhereSomethingElseLies_IsNotKeptOut()
    {
        await using var ca = await house.Start("1");
        var list = house.Pki.Revoked(jo);
        await Put(list.Issuer, 1, "garbage");
        await ca.Admin.GetInternalCrlsAsync(new());
        await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = list.Pem });
        await Denied(ca, "jo");
        await using var other = await house.Start("2");
        await Denied(other, "jo");
    }

    [Fact]
    public async Task ListThatLacksEntries_DoesNotCountAndIsAnError()
    {
        var first = house.Pki.Revoked(jo);
        await Put(first.Issuer, 1, first.Pem);
        await using var ca = await house.Start("1");
        await Denied(ca, "jo");
        // Signed by the CA, and put past CertAuthority.
        await Put(first.Issuer, 2, Forgotten(kim, 2).Pem);
        await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = first.Pem });
        Assert.Contains(ca.Options.Log.Lines, l => l.Contains("tls.crl_takes_back", StringComparison.Ordinal)
            && l.Contains("lacks entries of list 1", StringComparison.Ordinal));
        Assert.Equal([first.Pem], (await ca.Admin.GetInternalCrlsAsync(new())).CrlPem);
        using var channel = house.Pki.Channel(ca.GrpcPort, "kim");
        await new CertAuthorityService.CertAuthorityServiceClient(channel).GetCrlAsync(new());
    }

    [Fact]
    public async Task GarbageBesideTheLists_IsReadOnceAndAHundredALook()
    {
        var list = house.Pki.Revoked(jo);
        var reads = new System.Collections.Concurrent.ConcurrentQueue<string>();
        for (var i = 2; i < 152; i++)
            await Put(list.Issuer, 1_000 + i, "garbage");
        await house.Store.PutIfAbsent(ObjectKeys.InternalCrlsOf($"{list.Issuer}") + "name", "garbage"u8.ToArray(), default);
        await using var ca = await RunningCa.Start(house, house.Options("1") with
        {
            Store = new Overture.TestSupport.FaultyStore(house.Store)
            {
                BeforeGet = key =>
                {
                    if (key.StartsWith("pki/", StringComparison.Ordinal))
                        reads.Enqueue(key);
                    return Task.CompletedTask;
                },
            },
        });
        await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = list.Pem });
        await Denied(ca, "jo");
        Assert.Equal([list.Pem], (await ca.Admin.GetInternalCrlsAsync(new())).CrlPem);
        Assert.DoesNotContain(reads, k => k.EndsWith("/name", StringComparison.Ordinal));
        Assert.Equal(150, reads.Count(k => long.Parse(k[^20..], System.Globalization.CultureInfo.InvariantCulture) > 1_000));
    }

    [Fact]
    public async Task GetInternalCrls_OfManyAtOnce_ReadsOnce()
    {
        var lists = 0;
        await using var ca = await RunningCa.Start(house, house.Options("1") with
        {
            Store = new Overture.TestSupport.FaultyStore(house.Store)
            {
                BeforeList = prefix => lists += prefix.StartsWith("pki/", StringComparison.Ordinal) ? 1 : 0,
            },
        });
        lists = 0;
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ => await ca.Admin.GetInternalCrlsAsync(new())));
        Assert.InRange(lists, 0, 20);
    }

    [Theory]
    [InlineData("2.5.29.27", false, "not a delta CRL")]
    [InlineData("2.5.29.28", false, "issuing distribution point")]
    [InlineData("1.2.3.4", true, "the critical extension 1.2.3.4")]
    [InlineData("1.2.3.4", false, null)]
    public void Extensions_ThatMakeItAnotherList_AreRefused(string oid, bool critical, string? rule)
    {
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=a test", key, HashAlgorithmName.SHA256,
            RSASignaturePadding.Pkcs1);
        using var ca = request.CreateSelfSigned(TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddDays(1));
        var pem = TestCrl.Extended(ca, key, TimeProvider.System.GetUtcNow(), oid, critical);
        var list = InternalCrl.Read(pem, [ca], out var broken);
        Assert.Equal(rule is null, list is not null);
        Assert.Contains(rule ?? "", broken ?? "", StringComparison.Ordinal);
    }

    // The same CA, with a memory of its own.
    private InternalCrl Forgotten(SerialNumber serial, long number = 1)
    {
        using var ca = Overture.Cli.Pki.InternalCa.Open(house.Pki.Home);
        return new Overture.Cli.Pki.InternalRevocations(house.Pki.Home, ca, TimeProvider.System).Next([], [serial], number);
    }

    private static async Task<string> Publish(RunningCa ca, InternalCrl list) =>
        await Record.ExceptionAsync(async () => await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = list.Pem })) is RpcException e
            ? RpcDetails.Reason(e) : "";

    private static async Task Refused(RunningCa ca, string pem, string reason, string why)
    {
        var fault = await Assert.ThrowsAsync<RpcException>(async () => await ca.Admin.PublishInternalCrlAsync(new() { CrlPem = pem }));
        Assert.Equal(reason, RpcDetails.Reason(fault));
        Assert.Contains(why, fault.Status.Detail, StringComparison.Ordinal);
    }

    private async Task Denied(RunningCa ca, params string[] people)
    {
        foreach (var person in people)
        {
            using var channel = house.Pki.Channel(ca.GrpcPort, person);
            var fault = await Assert.ThrowsAsync<RpcException>(async () =>
                await new CertAuthorityService.CertAuthorityServiceClient(channel).GetCrlAsync(new()));
            Assert.Equal("CERTIFICATE_REVOKED", RpcDetails.Reason(fault));
        }
    }

    private Task Put(SpkiHash issuer, long number, string text) =>
        house.Store.PutIfAbsent(ObjectKeys.InternalCrl($"{issuer}", number), (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(text), default);
}
