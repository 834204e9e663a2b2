using System.CommandLine;
using System.CommandLine.Parsing;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>Durations as people write them: 90s, 5m, 2h, 30d.</summary>
internal static class Durations
{
    /// <summary>--timeout; null where not given: the verb's usual limit, which <paramref name="description"/> gives.</summary>
    public static Option<TimeSpan?> Timeout(string description) => Of("--timeout", description, "90s|5m|2h");

    /// <summary>An option that takes a duration; null where it is not given.</summary>
    public static Option<TimeSpan?> Of(string name, string description, string help) => new(name)
    {
        Description = description,
        HelpName = help,
        CustomParser = result => Read(name, result),
    };

    private static TimeSpan? Read(string name, ArgumentResult result)
    {
        var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
        if (!DurationText.TryParse(text, out var duration))
            result.AddError($"{name}: '{text}' is not a duration such as 90s, 5m or 2h");
        return duration;
    }
}
