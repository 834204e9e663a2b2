using Overture.Platform.Records;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// What was asked for instead of a certname, fit for records, logs and searches: percent-encoded, so that nothing of it is anything
/// but a name there, and bounded in length. Pure.
/// </summary>
internal static class AskedName
{
    private const int Most = 200;
    private const string Cut = "...";

    /// <returns>Empty where the text is a certname, or nothing.</returns>
    public static string Of(string? text) => string.IsNullOrEmpty(text) || CertName.TryParse(text, out _, out _) ? "" : Escaped(text);

    /// <summary>Two texts have one spelling only if they are the same, or the same in their first <see cref="Most"/> characters.</summary>
    public static string Escaped(string text)
    {
        // No need to encode megabytes of which hardly anything is kept.
        var encoded = Uri.EscapeDataString(text.Length > Most ? text[..(Most + 1)] : text);
        return encoded.Length > Most ? encoded[..Most] + Cut : encoded;
    }
}
