namespace Overture.Platform.Records;

/// <summary>The grammar of a certname, also for the command line, which makes no names of its own.</summary>
public static class CertNameGrammar
{
    /// <returns>The rule that the text breaks; null: none.</returns>
    public static string? Broken(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "must not be empty";
        if (text.Length > 64)
            return "must have at most 64 characters";
        if (text.AsSpan().ContainsAnyInRange('A', 'Z'))
            return "must be lower case";
        if (text.AsSpan().ContainsAnyExcept(Allowed))
            return "may hold only a-z, 0-9, '-', '_' and '.'";
        if (!char.IsAsciiLetterOrDigit(text[0]) || !char.IsAsciiLetterOrDigit(text[^1]))
            return "must begin and end with a letter or digit";
        if (text.Contains("..", StringComparison.Ordinal) || text.Contains("-.", StringComparison.Ordinal)
            || text.Contains(".-", StringComparison.Ordinal))
        {
            return "must not have a dot beside a dot or a '-'";
        }
        return null;
    }

    private static readonly System.Buffers.SearchValues<char> Allowed = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789-_.");
}
