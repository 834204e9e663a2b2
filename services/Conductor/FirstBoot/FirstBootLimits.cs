using System.Threading.RateLimiting;
using Overture.Platform.Records;

namespace Overture.Conductor.FirstBoot;

/// <summary>How often one instance may speak, and how often a name that is not in the table is looked for in the store.</summary>
internal sealed class FirstBootLimits : IDisposable
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    // Only those that showed their token; a partition that is full again is forgotten.
    private readonly PartitionedRateLimiter<CertName> speakers = PartitionedRateLimiter.Create<CertName, CertName>(
        name => RateLimitPartition.GetTokenBucketLimiter(name, _ => Bucket(2, 20)));

    private readonly TokenBucketRateLimiter lookUps = new(Bucket(20, 100));

    public bool MaySpeak(CertName name)
    {
        using var lease = speakers.AttemptAcquire(name);
        return lease.IsAcquired;
    }

    /// <summary>Strangers make up names; each would cost a read.</summary>
    public bool MayLookUp()
    {
        using var lease = lookUps.AttemptAcquire();
        return lease.IsAcquired;
    }

    public void Dispose()
    {
        speakers.Dispose();
        lookUps.Dispose();
    }

    private static TokenBucketRateLimiterOptions Bucket(int eachSecond, int most) => new()
    {
        TokenLimit = most, TokensPerPeriod = eachSecond, ReplenishmentPeriod = Second, QueueLimit = 0, AutoReplenishment = true,
    };
}
