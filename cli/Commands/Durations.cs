using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Overture.Cli.Commands;

/// <summary>Durations as people write them: 90s, 5m, 2h, 30d.</summary>
internal static class Durations
{
    /// <summary>--timeout; null where not given: the verb's usual limit, which <paramref name="description"/> tells.</summary>
    public static Option<TimeSpan?> Timeout(string description) => Of("--timeout", description, "90s|5m|2h");

    /// <summary>An option that takes a duration; null where it is not given.</summary>
    public static Option<TimeSpan?> Of(string name, string description, string help) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Read(name, result),
    };

    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = default;
        var unit = text.Length > 1 ? text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => 0 } : 0;
        if (unit == 0 || !int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count is 0 or > 100_000)
            return false;
        duration = TimeSpan.FromSeconds((double)count * unit);
        return true;
    }

    private static TimeSpan? Read(string name, ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (!TryParse(text, out var duration))
            result.AddError($"{name}: '{text}' is not a duration such as 90s, 5m or 2h");
        return duration;
    }
}
