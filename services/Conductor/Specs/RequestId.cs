using System.Text.RegularExpressions;
using Overture.Platform.Faults;

namespace Overture.Conductor.Specs;

/// <summary>The caller's name for a launch: 1-64 of [A-Za-z0-9._-], not beginning with a dot.</summary>
internal static partial class RequestId
{
    /// <returns>The rule that it breaks, if any.</returns>
    public static IEnumerable<FieldProblem> Validate(string text) => Grammar().IsMatch(text) ? []
        : [new("request_id", "must be 1-64 of [A-Za-z0-9._-] and not begin with a dot")];

    [GeneratedRegex(@"\A[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Grammar();
}
