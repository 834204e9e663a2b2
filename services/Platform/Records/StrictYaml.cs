using Overture.Platform.Faults;

namespace Overture.Platform.Records;

/// <summary><see cref="MarkedYaml"/> as a tree of values, by the YAML 1.2 core schema.</summary>
/// <remarks>A tree is made of null, bool, long, double, string, List&lt;object?&gt; and Dictionary&lt;string, object?&gt; (in order).</remarks>
public static class StrictYaml
{
    /// <exception cref="FaultException">DEFINITION_INVALID, with line and column.</exception>
    public static object? Read(string text)
    {
        try
        {
            return MarkedYaml.Read(text).ToTree();
        }
        catch (MarkedYamlException e)
        {
            var rule = e.Line == 0 ? e.Message : $"{e.Message} (line {e.Line}, column {e.Column})";
            throw new FaultException(FaultKind.Invalid, Reason.DefinitionInvalid, $"definition: {rule}", new FieldProblem("definition", rule));
        }
    }
}
