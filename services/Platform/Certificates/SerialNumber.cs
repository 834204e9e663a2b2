using System.Globalization;
using System.Numerics;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;

namespace Overture.Platform.Certificates;

/// <summary>
/// The serial number of a certificate. Its one spelling, in records, keys and answers, is lower-case hex of the bytes of its DER INTEGER,
/// so "02" and "0080": the same number spelled twice would be two certificates, and a revocation of one of them would miss the other.
/// </summary>
public readonly partial record struct SerialNumber
{
    // RFC 5280 §4.1.2.2: at most 20 octets.
    private const int MaxDigits = 40;
    private readonly string? text;

    private SerialNumber(string text) => this.text = text;

    /// <param name="integer">Content of the INTEGER, most significant byte first.</param>
    public static SerialNumber Of(ReadOnlySpan<byte> integer) => new(Convert.ToHexStringLower(integer));

    /// <summary>That of a certificate, whatever its CA made of it.</summary>
    public static SerialNumber Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Of(certificate.SerialNumberBytes.Span);
    }

    /// <summary>
    /// As openssl and Puppet print it: <c>serial=4F0A</c>, <c>Serial Number: 79 (0x4f)</c>, <c>4f:0a</c>, <c>0x004F</c> of inventory.txt;
    /// bare digits are hex. What a person writes may be decimal as well: <see cref="Readings"/>.
    /// </summary>
    public static bool TryParse(string? text, out SerialNumber serial)
    {
        serial = text is null || Readings(text) is not [var first, ..] ? default : first;
        return serial != default;
    }

    /// <summary>What is wrong with a text that is no serial number, as the rest of a sentence.</summary>
    public const string Rule =
        "must be a serial number of at most 20 bytes as openssl or Puppet print it, e.g. 4F0A, 4f:0a, 0x004f or serial=4F";

    /// <summary>
    /// Everything that the text may mean: as <see cref="TryParse"/>, and the decimal integer of Puppet's JSON.
    /// </summary>
    /// <returns>None: it is no serial number. Two: bare digits, as hex and as decimal.</returns>
    public static IReadOnlyList<SerialNumber> Readings(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var label = Label().Match(text);
        var number = text[label.Length..].Trim();
        if (Bracketed().Match(number) is { Success: true } both)
            return Decimal(both.Groups[1].Value) is { } one && one == Hex(both.Groups[2].Value) ? [one] : [];
        // asn1parse puts a colon in front; digits in pairs are hex.
        var bare = number.TrimStart(':');
        var marked = label.Success || bare.Length < number.Length || Pairs().IsMatch(bare) || bare.StartsWith('0');
        bare = Pairs().IsMatch(bare) ? Separators().Replace(bare, "") : bare.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? bare[2..] : bare;
        if (marked || !bare.All(char.IsAsciiDigit))
            return Hex(bare) is { } hex ? [hex] : [];
        return [.. new[] { Hex(bare), Decimal(bare) }.OfType<SerialNumber>().Distinct()];
    }

    /// <summary>A key of the store: the one spelling of a positive number, or none.</summary>
    public static bool TryRecorded(string text, out SerialNumber serial)
    {
        ArgumentNullException.ThrowIfNull(text);
        serial = text.Length <= MaxDigits + 2 && Hex(text) is { } hex && hex.text == text ? hex : default;
        return serial != default;
    }

    /// <summary>Whether a record may have it: whole bytes, as <see cref="Of(ReadOnlySpan{byte})"/> spells any number a CA chose.</summary>
    public static bool IsRecorded(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length > 0 && text.Length % 2 == 0 && text.All(c => char.IsAsciiHexDigitLower(c));
    }

    /// <summary>That of a record.</summary>
    /// <exception cref="InvalidDataException">It is spelled otherwise: a damaged record.</exception>
    public static SerialNumber Recorded(string text) =>
        IsRecorded(text) ? new(text) : throw new InvalidDataException($"'{text}' is no serial number in our spelling");

    /// <summary>Content of the INTEGER again.</summary>
    public byte[] ToBytes() => Convert.FromHexString(ToString());

    /// <summary>The one spelling.</summary>
    public override string ToString() => text ?? throw new InvalidOperationException("an unparsed serial number");

    private static SerialNumber? Hex(string digits)
    {
        var significant = digits.TrimStart('0');
        if (digits.Length == 0 || significant.Length > MaxDigits || !digits.All(char.IsAsciiHexDigit))
            return null;
        return Of(BigInteger.Parse("0" + significant, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
            .ToByteArray(isUnsigned: false, isBigEndian: true));
    }

    private static SerialNumber? Decimal(string digits) =>
        digits.Length is > 0 and <= 50 && digits.All(char.IsAsciiDigit)
            ? Hex(BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture).ToString("x", CultureInfo.InvariantCulture))
            : null;

    [GeneratedRegex(@"\A\s*serial(\s*number)?\s*[:=]\s*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Label();

    [GeneratedRegex(@"\A([0-9]+)\s*\(0x([0-9A-Fa-f]+)\)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"\A[0-9A-Fa-f]{2}([:\s]+[0-9A-Fa-f]{2})+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pairs();

    [GeneratedRegex(@"[:\s]+", RegexOptions.CultureInvariant)]
    private static partial Regex Separators();
}
