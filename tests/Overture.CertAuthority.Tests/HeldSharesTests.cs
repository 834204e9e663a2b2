using Overture.Platform.Connections;
using System.Globalization;
using System.Net;
using Overture.CertAuthority.Enrollment;

namespace Overture.CertAuthority.Tests;

/// <summary>Ten addresses must not fill the queue of requests that wait for a person.</summary>
public sealed class HeldSharesTests
{
    private const int Share = 50;
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Refusal_TenAddressesThatSendWithoutEnd_HoldTheirSharesAndLeaveRoom()
    {
        var waiting = new List<HeldPlace>();
        for (var i = 0; i < 5_000; i++)
            Try(waiting, $"10.0.0.{i % 10}", i);

        Assert.Equal(10 * Share, waiting.Count);
        Assert.True(Try(waiting, "10.9.9.9", 5_000));
    }

    [Fact]
    public void Refusal_AllPlacesTaken_OldestOfTheGreediestGivesWay_NeverAnothersRequest()
    {
        var waiting = new List<HeldPlace>();
        // A site's own: they came first, and 40 of them from one NAT.
        for (var i = 0; i < 40; i++)
            Assert.True(Try(waiting, "192.0.2.1", i));
        Assert.True(Try(waiting, "192.0.2.2", 40));
        for (var i = 41; i < 20_000; i++)
            Try(waiting, string.Create(CultureInfo.InvariantCulture, $"10.0.{i % 20}.1"), i);
        Assert.Equal(HeldShares.Most, waiting.Count);
        var genuine = waiting.Where(h => h.Since < Start.AddSeconds(41)).ToList();
        Assert.Equal(41, genuine.Count);

        // Another genuine one still gets in, and it is a stranger's that goes.
        var before = waiting.ToList();
        Assert.True(Try(waiting, "192.0.2.3", 20_000));
        var gone = Assert.Single(before.Except(waiting));
        Assert.DoesNotContain(gone, genuine);
        Assert.Equal(before.Where(h => h.From == gone.From).Min(h => h.Since), gone.Since);
        Assert.Equal(HeldShares.Most, waiting.Count);
    }

    [Fact]
    public void Refusal_EachAddressHoldsOne_NothingGivesWay()
    {
        var waiting = Enumerable.Range(0, HeldShares.Most).Select(
            i => new HeldPlace($"{i}", Address(string.Create(CultureInfo.InvariantCulture, $"10.{i / 250}.{i % 250}.1")), Start)).ToList();
        Assert.NotNull(HeldShares.Refusal(waiting, Address("192.0.2.3"), Share, out var givesWay));
        Assert.Null(givesWay);
    }

    private static bool Try(List<HeldPlace> waiting, string from, int second)
    {
        if (HeldShares.Refusal(waiting, Address(from), Share, out var givesWay) is not null)
            return false;
        if (givesWay is not null)
            waiting.Remove(givesWay);
        waiting.Add(new HeldPlace($"{second}", Address(from), Start.AddSeconds(second)));
        return true;
    }

    private static AddressKey Address(string text) => AddressKey.Of(IPAddress.Parse(text));
}
