using Overture.Platform.Faults;

namespace Overture.Platform.Records;

/// <summary><see cref="PositionedYaml"/> as a tree of values, by the YAML 1.2 core schema.</summary>
/// <remarks>A tree is made of null, bool, long, double, string, List&lt;object?&gt; and Dictionary&lt;string, object?&gt; (in
/// order).</remarks>
public static class StrictYaml
{
    /// <exception cref="FaultException">DEFINITION_INVALID, with line and column.</exception>
    public static object? Read(string text) => Document(text).ToTree();

    /// <summary>With the lines.</summary>
    /// <exception cref="FaultException">DEFINITION_INVALID, with line and column.</exception>
    public static YamlNode Document(string text)
    {
        try
        {
            return PositionedYaml.Read(text);
        }
        catch (PositionedYamlException e)
        {
            throw Broken(e.Line == 0 ? e.Message : e.Column == 0
                ? $"{e.Message} (line {e.Line})" : $"{e.Message} (line {e.Line}, column {e.Column})");
        }
    }

    /// <summary>The text of a stored document.</summary>
    /// <exception cref="FaultException">DEFINITION_INVALID: it is not UTF-8, with the line.</exception>
    public static string Text(ReadOnlySpan<byte> document)
    {
        try
        {
            return Utf8Text.Read(document);
        }
        catch (NotUtf8Exception e)
        {
            throw Broken(e.Message);
        }
    }

    /// <summary>What is wrong with a document, by field, each rule with its line.</summary>
    /// <param name="problems">At least one.</param>
    /// <param name="lines">Null: they did not come as YAML.</param>
    public static FaultException Broken(IEnumerable<FieldProblem> problems, YamlLines? lines)
    {
        var placed = problems.Select(p => lines?.Of(p.Field) is > 0 and var line ? p with { Rule = $"{p.Rule} (line {line})" } : p)
            .ToArray();
        return new(FaultKind.Invalid, Reason.DefinitionInvalid, string.Join("; ", placed.Select(p => $"{p.Field}: {p.Rule}")), placed);
    }

    private static FaultException Broken(string rule) => new(FaultKind.Invalid, Reason.DefinitionInvalid, $"definition: {rule}",
        new FieldProblem("definition", rule));
}
