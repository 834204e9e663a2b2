using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The CA API's own certificate.</summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class ServerLeafTests(CaFixture house)
{
    [Fact]
    public async Task Leaf_RenewsAtTwoThirdsWithoutRestart()
    {
        var clock = new HurriedClock();
        await using var ca = await RunningCa.Start(house, house.Options("leaf") with { Clock = clock });
        var first = await Shown(ca);
        clock.Shift = TimeSpan.FromDays(118);
        Assert.Equal(first, await Shown(ca));

        clock.Shift = TimeSpan.FromDays(121);

        await Eventually.True(async () => await Shown(ca) != first, "another certificate is shown");
        var claims = await house.All<Claim>(ObjectKeys.ClaimsOf(CertName.Parse("certauthority-leaf")));
        Assert.Equal(["1", $"renew-{first}"], claims.Select(c => c.Claim_));
        Assert.All(claims, c => Assert.Equal("self", c.Grant.Source));
    }

    [Fact]
    public async Task Leaf_SurvivesARestart_AndALostStateDirectory()
    {
        var options = house.Options("leaf2");
        string first, second, third;
        await using (var ca = await RunningCa.Start(house, options))
            first = await Shown(ca);
        Assert.All(Directory.EnumerateFiles(options.StateDirectory), f =>
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
        await using (var ca = await RunningCa.Start(house, options))
            second = await Shown(ca);
        Directory.Delete(options.StateDirectory, recursive: true);
        await using (var ca = await RunningCa.Start(house, options))
            third = await Shown(ca);
        Assert.Equal(first, second);
        Assert.NotEqual(first, third);
    }

    [Theory]
    [InlineData("ca/claims/certauthority", Break.Before), InlineData("ca/claims/certauthority", Break.After),
        InlineData("ca/certs/", Break.Before), InlineData("ca/certs/", Break.After)]
    public async Task Leaf_KilledWhileItIsMade_IsFinishedByTheNextStart(string prefix, Break where)
    {
        var replica = $"leaf-{prefix.Length}-{where}".ToLowerInvariant();
        var store = new FaultyStore(house.Store);
        var options = house.Options(replica);
        store.FailNext(prefix, where);
        await Assert.ThrowsAnyAsync<Exception>(() => RunningCa.Start(house, options with { Store = store }));

        await using var ca = await RunningCa.Start(house, options);

        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(CertName.Parse($"certauthority-{replica}"))));
        Assert.Equal(claim.Serial, await Shown(ca));
    }

    private static async Task<string> Shown(RunningCa ca)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ca.ApiPort);
        await using var tls = new SslStream(client.GetStream(), false, (_, shown, _, _) => shown is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        using var leaf = X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
        return Convert.ToHexStringLower(leaf.SerialNumberBytes.Span);
    }
}

/// <summary>The date can be moved, and waits of half a minute and more take a moment.</summary>
public sealed class HurriedClock : TimeProvider
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30), Moment = TimeSpan.FromMilliseconds(100);

    /// <summary>How far the date is wrong.</summary>
    public TimeSpan Shift { get; set; }

    /// <summary>How much time has truly passed, beside the test's own.</summary>
    public TimeSpan Passed { get; set; }

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Shift + Passed;

    public override long GetTimestamp() => System.GetTimestamp() + (long)(Passed.TotalSeconds * TimestampFrequency);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        base.CreateTimer(callback, state, dueTime >= Long ? Moment : dueTime, period >= Long ? Moment : period);
}
