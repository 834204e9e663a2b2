using System.Globalization;
using System.Numerics;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>
/// The one spelling of a serial number in records and keys: lower-case hex of the bytes of its DER INTEGER, so "02" and "0080". The same
/// number spelled twice would be two certificates, and a revocation of one of them would miss the other.
/// </summary>
public static class SerialText
{
    /// <param name="integer">Content of the INTEGER, most significant byte first.</param>
    public static string Of(ReadOnlySpan<byte> integer) => Convert.ToHexStringLower(integer);

    public static string Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Of(certificate.SerialNumberBytes.Span);
    }

    /// <summary>As people and puppetserver's files write it: hex of either case, with or without 0x and leading zeros. Null: no such number.</summary>
    public static string? FromHex(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        // RFC 5280 §4.1.2.2: at most 20 bytes.
        if (digits.Length is 0 or > 42 || digits.Any(c => !char.IsAsciiHexDigit(c)))
            return null;
        return Of(BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture).ToByteArray(isUnsigned: false, isBigEndian: true));
    }

    /// <summary>Whether the text is the one spelling of a positive number.</summary>
    public static bool IsSpelled(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Length is > 0 and <= 42 && text.Length % 2 == 0 && text.All(char.IsAsciiHexDigitLower) && FromHex(text) == text && Bytes(text)[0] < 0x80;
    }

    /// <summary>Content of the INTEGER again.</summary>
    public static byte[] Bytes(string serial) => Convert.FromHexString(serial);
}
