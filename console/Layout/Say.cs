using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Console.Layout;

/// <summary>How pages write times, durations and severities.</summary>
internal static class Say
{
    /// <summary>2026-11-30 20:15:00 UTC</summary>
    public static string Time(Timestamp? at) =>
        at is null ? "" : at.ToDateTimeOffset().ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture);

    /// <summary>20:15:00</summary>
    public static string Clock(DateTimeOffset at) => at.ToUniversalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>For the datetime attribute.</summary>
    public static string Machine(Timestamp? at) => at is null ? "" : Times.Exact(at.ToDateTimeOffset());

    /// <summary>"3m ago", "in 2h"; empty where there is none.</summary>
    public static string Ago(Timestamp? at, DateTimeOffset now) => at is null ? ""
        : at.ToDateTimeOffset() is var then && then > now ? $"in {Coarse(then - now)}" : $"{Coarse(now - then)} ago";

    // In one unit: the exact time is in the title.
    private static string Coarse(TimeSpan span) => span switch
    {
        { TotalSeconds: < 100 } => Written($"{(int)span.TotalSeconds} s"),
        { TotalMinutes: < 120 } => Written($"{(int)span.TotalMinutes} min"),
        { TotalHours: < 48 } => Written($"{(int)span.TotalHours} h"),
        _ => Written($"{(int)span.TotalDays} d"),
    };

    /// <summary>420 ms, 12.3 s, 4 min 5 s, 3 h 12 min, 9 d</summary>
    public static string Span(TimeSpan span) => span switch
    {
        { TotalMilliseconds: < 1000 } => Written($"{Math.Max(0, span.TotalMilliseconds):0} ms"),
        { TotalSeconds: < 60 } => Written($"{span.TotalSeconds:0.#} s"),
        { TotalMinutes: < 60 } => Written($"{(int)span.TotalMinutes} min") + (span.Seconds > 0 ? Written($" {span.Seconds} s") : ""),
        { TotalHours: < 48 } => Written($"{(int)span.TotalHours} h") + (span.Minutes > 0 ? Written($" {span.Minutes} min") : ""),
        _ => Written($"{(int)span.TotalDays} d"),
    };

    /// <summary>Class of the stylesheet: error, warning, info.</summary>
    public static string Tone(ConditionSeverity severity) => severity switch
    {
        ConditionSeverity.Error => "error",
        ConditionSeverity.Warning => "warning",
        _ => "info",
    };

    /// <summary>Of an instance: its worst condition's, else ok, else what it is on the way to.</summary>
    public static string Tone(Instance instance) =>
        InstanceText.Wrong(instance).ToList() is { Count: > 0 } wrong ? Tone(wrong.Max(c => c.Severity))
            : instance.State switch
            {
                InstanceState.Converged => "ok",
                InstanceState.Terminated or InstanceState.Terminating => "ended",
                _ => "way",
            };

    /// <summary>12,345</summary>
    public static string Count(int count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static string Written(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
