using System.Globalization;

namespace Overture.Platform.Records;

/// <summary>Durations as people write them: 90s, 5m, 2h, 30d. The command line is built with this file too.</summary>
public static class DurationText
{
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var unit = text.Length > 1 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 } : 0;
        if (unit == 0 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count is 0 or > 100_000)
        {
            return false;
        }
        duration = TimeSpan.FromSeconds((double)count * unit);
        return true;
    }
}
