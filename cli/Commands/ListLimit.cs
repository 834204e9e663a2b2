using System.CommandLine;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>How many rows of a list are asked for: --limit, else all.</summary>
internal static class ListLimit
{
    public static Option<int?> Option() => new("--limit") { Description = "At most so many", HelpName = "N" };

    /// <exception cref="Failure">Less than one.</exception>
    public static int Of(Session session, Option<int?> option) => session.Parse.GetValue(option) switch
    {
        null => int.MaxValue,
        < 1 => throw Failure.Usage("--limit: must be 1 or more"),
        { } given => given,
    };

    /// <summary>Says on stderr that a list is not whole.</summary>
    public static void SayCut(bool cut, int most)
    {
        if (cut)
            Printer.Say($"these are the first {most}; there may be more");
    }
}
