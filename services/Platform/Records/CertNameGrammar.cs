namespace Overture.Platform.Records;

/// <summary>The grammar of a certname, also for the command line, which makes no names of its own.</summary>
public static class CertNameGrammar
{
    // X.520 (RFC 5280 Appendix A.1: ub-common-name).
    private const string TooLong =
        "must have at most 64 characters, the limit of a certificate's common name (X.520): use a shorter one, such as the host's name "
            + "without its domain";

    /// <returns>The rule that the text breaks; null: none.</returns>
    public static string? Broken(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return "must not be empty";
        if (text.Length > 64)
            return TooLong;
        if (text.AsSpan().ContainsAnyInRange('A', 'Z'))
            return "must be lower case";
        if (text.AsSpan().ContainsAnyExcept(Allowed))
            return "may hold only a-z, 0-9, '-', '_' and '.'";
        if (text.Length > 1 && text[^1] == '.')
            return "must not end with a dot, which is no part of the name: leave it out (web-1, not web-1.)";
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
