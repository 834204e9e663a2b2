using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>
/// Kubernetes' label selector without sets: comma-separated key=value (or ==), key!=value, key, !key, all of which must hold. A label that
/// is not there is unequal to every value.
/// </summary>
internal sealed class LabelSelector
{
    private const int MaxTerms = 32;
    private readonly Term[] terms;

    private LabelSelector(Term[] terms) => this.terms = terms;

    private sealed record Term(string Key, string? Value, bool Negated);

    /// <param name="text">Empty: every instance.</param>
    /// <param name="selector">Of that text.</param>
    /// <param name="rule">What it breaks; empty where it is good.</param>
    public static bool TryParse(string text, out LabelSelector selector, out string rule)
    {
        var terms = text.Length == 0 ? [] : text.Split(',').Select(Parse).ToList();
        selector = new LabelSelector([.. terms.OfType<Term>()]);
        rule = terms.Count > MaxTerms ? $"must have at most {MaxTerms} terms"
            : terms.FindIndex(t => t is null) is var wrong and >= 0
                ? "must be key=value, key!=value, key or !key, separated by commas; "
                    + $"'{PrintableText.Of(text.Split(',')[wrong])}' is not" : "";
        return rule.Length == 0;
    }

    /// <summary>It asks nothing.</summary>
    public bool IsEmpty => terms.Length == 0;

    // By index: asked of 100,000, an enumerator each would be the larger part.
    public bool Matches(IReadOnlyList<KeyValuePair<string, string>> labels)
    {
        foreach (var term in terms)
        {
            var fits = false;
            for (var i = 0; i < labels.Count && !fits; i++)
                fits = labels[i].Key == term.Key && (term.Value is null || labels[i].Value == term.Value);
            if (fits == term.Negated)
                return false;
        }
        return true;
    }

    private static Term? Parse(string text)
    {
        var trimmed = text.Trim();
        var (key, value, negated) = trimmed.Split("!=", 2) is [var unequal, var other] ? (unequal, other, true)
            : trimmed.Split('=', 2) is [var equal, var same] ? (equal, same.StartsWith('=') ? same[1..] : same, false)
            : trimmed.StartsWith('!') ? (trimmed[1..], null, true) : (trimmed, default(string), false);
        return key.Trim() is { Length: > 0 } name && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '/' or '-')
            && value?.Contains('=') != true ? new Term(name, value?.Trim(), negated) : null;
    }
}
