using System.Text;

namespace Overture.Cli.Output;

/// <summary>
/// Text that came from elsewhere, made fit for a terminal and a log line: control characters could move the cursor, recolor what
/// follows, or fake a second line.
/// </summary>
internal static class Printable
{
    public static string Line(string text)
    {
        if (!text.Any(CheckReady))
            return text;
        var clean = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (CheckReady(c))
                clean.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                clean.Append(c);
        }
        return clean.ToString();
    }

    /// <summary>
    /// A message of several lines as one: a line break within it is no escape to decipher, and no second message either.
    /// </summary>
    public static string Sentence(string text)
    {
        if (!text.AsSpan().ContainsAny('\n', '\r'))
            return Line(text);
        var lines = text.Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return Line(lines.Length == 0 ? "" : lines.Aggregate((said, next) => $"{said}{Between(said, next)}{next}"));
    }

    // A line that was only wrapped, an item of a list, or a sentence of its own.
    private static string Between(string said, string next) =>
        char.IsLower(next[0]) || said[^1] is ':' or ',' or ';' or '.' ? " " : next[0] is '\'' or '"' ? ", " : "; ";

    // Also the bidirectional overrides, which show a name in another order than it is compared.
    private static bool CheckReady(char c) => char.IsControl(c)
        || c is '\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
