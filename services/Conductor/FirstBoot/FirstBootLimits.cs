using System.Net;
using System.Threading.RateLimiting;
using Overture.Platform.Records;

namespace Overture.Conductor.FirstBoot;

/// <summary>How often one instance may speak, and how often an address may come without a right token.</summary>
internal sealed class FirstBootLimits : IDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // Only those that showed their token; a partition that is full again is forgotten.
    private readonly PartitionedRateLimiter<CertName> speakers = PartitionedRateLimiter.Create<CertName, CertName>(
        name => RateLimitPartition.GetTokenBucketLimiter(name, _ => Bucket(2, 20)));

    private readonly PartitionedRateLimiter<CertName> turns = PartitionedRateLimiter.Create<CertName, CertName>(
        name => RateLimitPartition.GetTokenBucketLimiter(name, _ => Bucket(1, 2, TimeSpan.FromMinutes(1))));

    // A quarter of all at most is one address's.
    private readonly PartitionedRateLimiter<IPAddress> strangers = PartitionedRateLimiter.Create<IPAddress, string>(
        peer => RateLimitPartition.GetTokenBucketLimiter(Network(peer), _ => Bucket(5, 25)));

    private readonly TokenBucketRateLimiter lookUps = new(Bucket(20, 100));

    public bool MaySpeak(CertName name)
    {
        using var lease = speakers.AttemptAcquire(name);
        return lease.IsAcquired;
    }

    /// <summary>Whether the clock of this instance may be said to have turned: on average once a minute.</summary>
    public bool MayTurn(CertName name)
    {
        using var lease = turns.AttemptAcquire(name);
        return lease.IsAcquired;
    }

    /// <summary>Strangers make up names; each would cost a read.</summary>
    public bool MayTry(IPAddress peer)
    {
        using var own = strangers.AttemptAcquire(peer);
        if (!own.IsAcquired)
            return false;
        using var lease = lookUps.AttemptAcquire();
        return lease.IsAcquired;
    }

    public void Dispose()
    {
        speakers.Dispose();
        turns.Dispose();
        strangers.Dispose();
        lookUps.Dispose();
    }

    // Of IPv6 the half that a site has for itself.
    private static string Network(IPAddress peer) =>
        Convert.ToHexString((peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer).GetAddressBytes().AsSpan()[..(
            peer.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 && !peer.IsIPv4MappedToIPv6 ? 8 : 4)]);

    private static TokenBucketRateLimiterOptions Bucket(int each, int most, TimeSpan? period = null) => new()
    {
        TokenLimit = most, TokensPerPeriod = each, ReplenishmentPeriod = period ?? Second, QueueLimit = 0, AutoReplenishment = true,
    };
}
