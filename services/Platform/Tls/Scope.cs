using System.Text.RegularExpressions;

namespace Overture.Platform.Tls;

/// <summary>
/// Which instances a person may change: those that match every term. A term is <c>profile=VALUE</c> or <c>label.NAME=VALUE</c>, compared
/// byte for byte with the launch's profile and labels; each key at most once, so that no term can be read as "or". Pure.
/// </summary>
public sealed partial class Scope : IEquatable<Scope>
{
    /// <summary>The forms of a term, for messages.</summary>
    public const string Forms =
        "profile=VALUE or label.NAME=VALUE, NAME and VALUE 1-63 of [A-Za-z0-9._/-] that begin with a letter or digit";

    /// <summary>No limit: shared role certificates, and people without a scope.</summary>
    public static readonly Scope Everything = new([]);

    private const int Most = 16;
    private const string ProfileKey = "profile", LabelPrefix = "label.";
    private readonly (string Key, string Value)[] terms;

    private Scope((string Key, string Value)[] terms) => this.terms = terms;

    public bool IsLimited => terms.Length > 0;

    /// <summary>Each as it was written, <c>key=value</c>.</summary>
    public IReadOnlyList<string> Terms => [.. terms.Select(t => $"{t.Key}={t.Value}")];

    /// <param name="texts">Terms; none: <see cref="Everything"/>.</param>
    /// <param name="rule">The rule that is broken, as a sentence; null: none.</param>
    /// <returns>Of no use where a rule is broken.</returns>
    public static Scope Parse(IEnumerable<string> texts, out string? rule)
    {
        var terms = new List<(string Key, string Value)>();
        foreach (var text in texts)
        {
            rule = Broken(text, terms, out var term);
            if (rule is not null)
                return Everything;
            terms.Add(term);
        }
        rule = null;
        return new Scope([.. terms]);
    }

    /// <summary>Whether an instance of this profile, with these labels, is within it.</summary>
    /// <param name="profile">Empty: none.</param>
    public bool Admits(string profile, IReadOnlyDictionary<string, string> labels) =>
        Array.TrueForAll(terms, t => t.Key == ProfileKey ? t.Value == profile
            : labels.TryGetValue(t.Key[LabelPrefix.Length..], out var value) && t.Value == value);

    /// <summary>"profile=web, label.team=blue"; empty: no limit.</summary>
    public override string ToString() => string.Join(", ", Terms);

    public bool Equals(Scope? other) => other is not null && terms.AsSpan().SequenceEqual(other.terms);

    public override bool Equals(object? obj) => Equals(obj as Scope);

    public override int GetHashCode() => ToString().GetHashCode(StringComparison.Ordinal);

    private static string? Broken(string text, List<(string Key, string Value)> before, out (string Key, string Value) term)
    {
        term = default;
        if (before.Count == Most)
            return $"a scope has at most {Most} terms";
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at < 0)
            return $"the scope term '{Printable(text)}' must be {Forms}";
        term = (text[..at], text[(at + 1)..]);
        var key = term.Key;
        if (key != ProfileKey && !(key.StartsWith(LabelPrefix, StringComparison.Ordinal) && Word().IsMatch(key[LabelPrefix.Length..])))
            return $"the scope key '{Printable(key)}' is unknown: a term must be {Forms}";
        if (!Word().IsMatch(term.Value))
            return $"the value of the scope term '{Printable(text)}' is not allowed: a term must be {Forms}";
        return before.Exists(t => t.Key == key) ? $"the scope key '{key}' is there twice" : null;
    }

    private static string Printable(string text) => new([.. text.Take(100).Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    // Profiles and label names of a launch have the same grammar; of label values it is a part that needs no escapes in a URI.
    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._/-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
