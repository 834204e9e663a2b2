using System.Text.RegularExpressions;

namespace Overture.Platform.Tls;

/// <summary>
/// The name of a person in the internal PKI: 1-32 of [a-z0-9.-], begins with a letter, ends with a letter or digit, and has no two of
/// '.' and '-' side by side. A role's name, or one by which records call a part of Overture, is no person's.
/// </summary>
public static partial class PersonName
{
    private static readonly HashSet<string> Taken =
        [.. Enum.GetNames<Role>().Select(r => r.ToLowerInvariant()), "agent", "unnamed", "overture", "ca", "launch", "root", "system"];

    /// <returns>The rule that the text breaks; null: none.</returns>
    public static string? Broken(string text) => text.Length > 32 || !Shape().IsMatch(text)
        ? "must be 1-32 of [a-z0-9.-], begin with a letter, end with a letter or digit, and have no two of '.' and '-' side by side"
        : Taken.Contains(text) ? "is a role's, or of a part of Overture: a person needs another" : null;

    [GeneratedRegex(@"\A[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Shape();
}
