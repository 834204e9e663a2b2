namespace Overture.Platform.Records;

/// <summary>An enum's value as people and labels have it: CsrHeld is "csr-held".</summary>
public static class EnumWord
{
    public static string Of<T>(T value) where T : struct, Enum => string.Concat(value.ToString().Select((c, i) =>
        char.IsAsciiLetterUpper(c) ? $"{(i > 0 ? "-" : "")}{char.ToLowerInvariant(c)}" : $"{c}"));
}
