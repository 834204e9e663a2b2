namespace Overture.Platform.Records;

/// <summary>Text of strangers, for logs and messages.</summary>
public static class PrintableText
{
    /// <returns>Its first 200 characters on one line, control characters as spaces.</returns>
    public static string Of(string text) => new([.. text.Take(200).Select(c => char.IsControl(c) ? ' ' : c)]);
}
