using Overture.Classifier.V1;
using Overture.Conductor.V1;

namespace Overture.Cli.Output;

/// <summary>
/// What a service, or the file itself, says of a document that breaks no rule and seldom is what was meant: on stderr, a line each.
/// </summary>
internal static class DoubtfulText
{
    public static void Say(string file, IEnumerable<DefinitionWarning> warnings) => Say(file,
        warnings.Select(w => (w.Line, w.Field, w.Rule)));

    public static void Say(string file, IEnumerable<ProfileProblem> warnings) => Say(file, warnings.Select(w => (w.Line, w.Field, w.Rule)));

    private static void Say(string file, IEnumerable<(int Line, string Field, string Rule)> warnings)
    {
        foreach (var (line, field, rule) in warnings)
            Printer.Say($"warning: {file}{(line > 0 ? $":{line}" : "")}: {field} {rule}");
    }
}
