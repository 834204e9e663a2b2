namespace Overture.Platform.Certificates;

/// <summary>
/// A file of Puppet's setting autosign, as puppetserver 7.9.5 reads it where it may not execute it: a list of certnames and globs, a line
/// each (certificate_authority.clj, whitelist-matches?). What it takes for a pattern is a surprise: *x signs every name, and so does a
/// binary.
/// </summary>
public static class AutosignList
{
    /// <summary>Numbers of the lines that sign every name.</summary>
    public static IReadOnlyList<int> LinesForAll(string text)
    {
        // Puppet's names are in lower case, so no line but one for all matches this one.
        const string anybody = "ANYBODY";
        return [.. Lines(text).Select((line, index) => (line, index)).Where(l => Matches(l.line, anybody)).Select(l => l.index + 1)];
    }

    /// <summary>Lines that sign one name or some, with their numbers.</summary>
    public static IReadOnlyList<(int Number, string Line)> LinesForSome(string text) =>
        [.. Lines(text).Select((line, index) => (Number: index + 1, Line: line)).Where(l => Matches(l.Line, l.Line)
            && l.Line.All(c => c is > ' ' and < '\x7f') && (l.Line[0] == '*' || !l.Line.Any(char.IsAsciiLetterUpper)))];

    /// <summary>Whether puppetserver would sign this name by the list.</summary>
    public static bool Signs(string text, string certname) => Lines(text).Any(line => Matches(line, certname));

    private static bool Matches(string line, string certname)
    {
        if (string.IsNullOrWhiteSpace(line) || line.Contains('#', StringComparison.Ordinal) || line.Contains(' ', StringComparison.Ordinal))
            return false;
        return line.StartsWith('*') ? MatchesGlob(line, certname) : line == certname;
    }

    // Labels from the end; the first of the glob, whatever it is beside the *, is not looked at.
    private static bool MatchesGlob(string glob, string certname)
    {
        var wanted = Labels(glob)[..^1];
        return Labels(certname).Take(wanted.Length).SequenceEqual(wanted, StringComparer.Ordinal);
    }

    // Java's String.split leaves empty parts at the end away.
    private static string[] Labels(string name) => [.. name.TrimEnd('.').ToLowerInvariant().Split('.').Reverse()];

    // As Java's BufferedReader: \n, \r and \r\n end a line.
    private static IEnumerable<string> Lines(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        using var reader = new StringReader(text);
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
