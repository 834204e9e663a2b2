using System.Security.Cryptography;
using System.Text;

namespace Overture.Platform.Records;

/// <summary>
/// The one-time secret of an instance. Derived, so that a retried launch renders identical user data and it is never stored:
/// base32(HMAC-SHA-256(launch key, request id ‖ 0 ‖ certname)), 52 lower-case characters, all legal in an ASN.1 PrintableString.
/// Stores keep only its SHA-256.
/// </summary>
public static class EnrollmentToken
{
    private const string Alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    /// <summary>Of every token, in characters.</summary>
    public const int Length = 52;

    private static readonly System.Buffers.SearchValues<char> Characters = System.Buffers.SearchValues.Create(Alphabet);

    public static string Derive(ReadOnlySpan<byte> launchKey, string requestId, CertName certname) =>
        Base32(HMACSHA256.HashData(launchKey, Encoding.UTF8.GetBytes($"{requestId}\0{certname}")));

    /// <summary>52 characters of the alphabet.</summary>
    public static bool HasShape(string text) => text.Length == Length && !text.AsSpan().ContainsAnyExcept(Characters);

    /// <summary>Lower-case hex SHA-256 of the token's text.</summary>
    public static string Hash(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    /// <summary>Compares in constant time.</summary>
    /// <param name="presentedHash"><see cref="Hash"/> of what was presented: over hashes, so that length reveals nothing either.</param>
    /// <param name="expectedHash">As the launch record has it.</param>
    public static bool Matches(string presentedHash, string expectedHash) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(presentedHash), Encoding.ASCII.GetBytes(expectedHash));

    private static string Base32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(Length);
        int buffer = 0, bits = 0;
        foreach (var b in bytes)
        {
            buffer = (buffer << 8) | b;
            bits += 8;
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Alphabet[(buffer >> bits) & 31]);
            }
            buffer &= (1 << bits) - 1;
        }
        if (bits > 0)
            text.Append(Alphabet[(buffer << (5 - bits)) & 31]);
        return text.ToString();
    }
}
