using System.Net;
using System.Security.Cryptography;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// Stop between any two writes of an enrollment, go on: one claim, one serial, one certificate (docs/threats.md §3.3, F01-F24, F45, F46).
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class KillPointTests(CaFixture house) : IAsyncLifetime
{
    private readonly ECDsa key = CsrBuilder.EcKey();
    private FaultyStore store = null!;
    private RunningCa ca = null!;

    public static TheoryData<string, Break> Points => new()
    {
        { "ca/keys/", Break.Before }, { "ca/keys/", Break.After },
        { "ca/claims/", Break.Before }, { "ca/claims/", Break.After },
        { "ca/certs/", Break.Before }, { "ca/certs/", Break.After },
    };

    public async Task InitializeAsync()
    {
        store = new FaultyStore(house.Store);
        ca = await RunningCa.Start(house, house.Options("kill") with { Store = store });
    }

    public async Task DisposeAsync()
    {
        await ca.DisposeAsync();
        key.Dispose();
    }

    [Theory, MemberData(nameof(Points))]
    public async Task OneWriteFails_AgentComesAgain_OneCertificate(string prefix, Break where)
    {
        var instance = await house.Launch();
        store.FailNext(prefix, where);

        using var failed = await ca.Put(instance, key);
        Assert.True(store.Tripped);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, failed.StatusCode);
        Assert.NotNull(failed.Headers.RetryAfter);
        using var healed = await ca.Put(instance, key);

        Assert.Equal(HttpStatusCode.OK, healed.StatusCode);
        await OneCertificate(instance);
    }

    [Theory]
    [InlineData(Break.Before), InlineData(Break.After)]
    public async Task CertificateWriteFails_AnyReplicaFinishesOnDemand(Break where)
    {
        var instance = await house.Launch();
        store.FailNext("ca/certs/", where);
        (await ca.Put(instance, key)).Dispose();

        Assert.NotNull(await house.Ca.Certificate(instance.Name));

        await OneCertificate(instance);
    }

    [Fact]
    public async Task ClaimWithoutCertificate_IsFinishedByTheSweep()
    {
        var instance = await house.Launch();
        store.FailNext("ca/certs/", Break.Before);
        (await ca.Put(instance, key)).Dispose();
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.Null(await house.Store.Get(ObjectKeys.Certificate(claim.Serial), default));

        // Another replica, some time later; no one asks.
        await using var later =
            await RunningCa.Start(house, house.Options("kill2") with { Clock = new ShiftedClock(TimeSpan.FromMinutes(2)) });

        await Eventually.True(
            async () => await house.Store.Get(ObjectKeys.Certificate(claim.Serial), default) is not null, "the sweep signs the claim");
        await OneCertificate(instance);
    }

    [Fact]
    public async Task ClaimOfAnEndedInstance_IsVoidedNotSigned()
    {
        var instance = await house.Launch();
        store.FailNext("ca/certs/", Break.Before);
        (await ca.Put(instance, key)).Dispose();
        await house.Fact(instance.Name, "terminated");

        Assert.Null(await ca.Certificate(instance.Name));

        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default));
        Assert.Null(await house.Store.Get(ObjectKeys.Certificate(claim.Serial), default));
    }

    [Fact]
    public async Task DeadlinePassesBetweenClaimAndCertificate_SameKeyStillFinishes()
    {
        var instance = await house.Launch();
        store.FailNext("ca/certs/", Break.Before);
        (await ca.Put(instance, key)).Dispose();
        await using var later =
            await RunningCa.Start(house, house.Options("kill2") with { Clock = new ShiftedClock(TimeSpan.FromHours(2)) });

        using var same = await later.Put(instance, key);

        Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        await OneCertificate(instance);
    }

    [Fact]
    public async Task RevokedWhileItIsSigned_IsNeverReleased()
    {
        var instance = await house.Launch();
        // The second look at the blocks, the last, comes after key, claim and certificate are stored: revoke just before it.
        var looks = 0;
        Func<Task> look = null!;
        look = async () =>
        {
            if (++looks < 2)
                store.BeforeList[ObjectKeys.BlocksOf(instance.Name)] = look;
            else
                await house.Ca.Admin.RevokeCertificateAsync(new() { Certname = instance.Name.ToString(), Reason = "just now" });
        };
        store.BeforeList[ObjectKeys.BlocksOf(instance.Name)] = look;

        using var answer = await ca.Put(instance, key);

        Assert.Equal(2, looks);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.NotNull(await house.Store.Get(ObjectKeys.Certificate(claim.Serial), default));
        Assert.NotNull(await house.Store.Get(ObjectKeys.Revocation(claim.Serial), default));
        Assert.Null(await ca.Certificate(instance.Name));
        await ca.Audited(instance.Name.ToString(), "CLAIM_VOID");
    }

    // Whoever reads meanwhile sees claim and certificate: an answer would outlive them in a power cut.
    [Fact]
    public async Task CommitIsNotOnTheDisk_NobodyIsAnsweredByIt()
    {
        var instance = await house.Launch();
        store.NothingIsDurable = true;

        using var failed = await ca.Put(instance, key);
        using var again = await ca.Put(instance, key);
        using var collected = await ca.Get($"certificate/{instance.Name}");

        Assert.Single(await house.All<CertificateRecord>(ObjectKeys.Certificates), c => c.Certname == instance.Name.ToString());
        Assert.Equal([HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable],
            [failed.StatusCode, again.StatusCode, collected.StatusCode]);
        store.NothingIsDurable = false;
        using var healed = await ca.Put(instance, key);
        Assert.Equal(HttpStatusCode.OK, healed.StatusCode);
        await OneCertificate(instance);
    }

    private async Task OneCertificate(Launched instance)
    {
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        var served = await ca.Certificate(instance.Name);
        Assert.Equal((await house.Store.Get<CertificateRecord>(ObjectKeys.Certificate(claim.Serial), default))!.Pem, served);
        Assert.Single(await house.All<CertificateRecord>(ObjectKeys.Certificates), c => c.Certname == instance.Name.ToString());
    }
}

/// <summary>The time of day is another; timers run as ever.</summary>
public sealed class ShiftedClock(TimeSpan shift) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + shift;
}
