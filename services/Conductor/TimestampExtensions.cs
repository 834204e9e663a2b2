using Google.Protobuf.WellKnownTypes;

namespace Overture.Conductor;

/// <summary>Times as records hold them: UTC, whole milliseconds, so that they survive JSON and score order unchanged.</summary>
internal static class TimestampExtensions
{
    public static DateTimeOffset NowMs(this TimeProvider clock) =>
        DateTimeOffset.FromUnixTimeMilliseconds(clock.GetUtcNow().ToUnixTimeMilliseconds());

    public static DateTimeOffset? Maybe(this Timestamp? at) => at?.ToDateTimeOffset();
}
