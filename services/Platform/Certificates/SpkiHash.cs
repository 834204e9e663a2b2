using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>
/// The identity of a public key: SHA-256 of its SubjectPublicKeyInfo. An agent makes a new request each time, but keeps its key. Its one
/// spelling, in records, keys and answers, is 64 lower-case hex digits.
/// </summary>
public readonly record struct SpkiHash
{
    private readonly string? text;

    private SpkiHash(string text) => this.text = text;

    /// <param name="spki">DER of the SubjectPublicKeyInfo.</param>
    public static SpkiHash Of(ReadOnlySpan<byte> spki) => new(Convert.ToHexStringLower(SHA256.HashData(spki)));

    /// <summary>That of a certificate's key.</summary>
    public static SpkiHash Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return Of(certificate.PublicKey.ExportSubjectPublicKeyInfo());
    }

    /// <summary>
    /// As openssl prints a SHA-256: hex of either case, with or without colons, "0x" or a label before "=" (<c>SHA2-256(stdin)= …</c>). All
    /// 32 bytes, leading zeros included.
    /// </summary>
    public static bool TryParse(string? text, out SpkiHash hash)
    {
        hash = default;
        if (text is null || text.Length > 200)
            return false;
        var digits = text[(text.LastIndexOf('=') + 1)..].Trim();
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            digits = digits[2..];
        // Colons between each two digits, or none.
        if (digits.Length == 95 && digits.Where((_, at) => at % 3 == 2).All(c => c == ':'))
            digits = digits.Replace(":", "", StringComparison.Ordinal);
        if (digits.Length != 64 || !digits.All(char.IsAsciiHexDigit))
            return false;
        hash = new SpkiHash(digits.ToLowerInvariant());
        return true;
    }

    /// <summary>As a record has it, in the one spelling.</summary>
    /// <exception cref="InvalidDataException">It is spelled otherwise: a damaged record.</exception>
    public static SpkiHash Recorded(string text) => TryParse(text, out var hash) && hash.Is(text)
        ? hash : throw new InvalidDataException($"'{text}' is no key hash in our spelling");

    /// <summary>Whether a record is of this key; records have the one spelling.</summary>
    public bool Is(string? recorded) => recorded == ToString();

    /// <summary>The 32 bytes.</summary>
    public byte[] ToBytes() => Convert.FromHexString(ToString());

    /// <summary>The one spelling.</summary>
    public override string ToString() => text ?? throw new InvalidOperationException("an unparsed key hash");
}
