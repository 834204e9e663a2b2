using System.Globalization;

namespace Overture.Cli.Output;

/// <summary>Points in time as people read them: in the zone of TZ, or with --utc in UTC. Documents (-o json) have UTC always.</summary>
internal static class Times
{
    /// <summary>Of this process. The hooks write logs of a service, and leave it at UTC.</summary>
    public static TimeZoneInfo Zone { get; set; } = TimeZoneInfo.Utc;

    /// <returns>2026-11-30T20:15:00.123+01:00, or with Z.</returns>
    public static string Exact(DateTimeOffset at) => Written(at, "yyyy-MM-dd'T'HH:mm:ss.fff");

    /// <returns>2026-11-30T20:15:00+01:00, or with Z.</returns>
    public static string Seconds(DateTimeOffset at) => Written(at, "yyyy-MM-dd'T'HH:mm:ss");

    /// <returns>20:15:00</returns>
    public static string Clock(DateTimeOffset at) => TimeZoneInfo.ConvertTime(at, Zone).ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Written(DateTimeOffset at, string format)
    {
        var there = TimeZoneInfo.ConvertTime(at, Zone);
        return there.ToString(format, CultureInfo.InvariantCulture)
            + (there.Offset == TimeSpan.Zero ? "Z" : there.ToString("zzz", CultureInfo.InvariantCulture));
    }
}
