using Overture.Platform.Certificates;

namespace Overture.CertAuthority.Csr;

/// <summary>What a well-formed certificate request says; nothing in it is true yet but that its sender holds the key.</summary>
internal sealed record CsrFacts
{
    /// <summary>The common name, as text; not yet a certname.</summary>
    public required string CommonName { get; init; }

    public required SubjectKey Key { get; init; }

    /// <summary>DNS names of the subjectAltName extension.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>Requested Puppet extensions, dotted OID to text.</summary>
    public IReadOnlyDictionary<string, string> Extensions { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Lower-case hex SHA-256 of the challengePassword; null where it is absent or blank. The secret itself goes no further than its
    /// reader.
    /// </summary>
    public string? ChallengeSha256 { get; init; }

    /// <summary>The challengePassword has the shape of one of our tokens: 256 random bits, of which a hash reveals nothing.</summary>
    public bool ChallengeIsToken { get; init; }

    /// <summary>The agent says that it renews its certificate (Puppet 8).</summary>
    public bool Renews { get; init; }

    public override string ToString() => $"request for {Key.Hash}";
}

internal enum KeyKind
{
    Rsa,
    Ec,
}

/// <summary>A public key that keeps the rules, with its SubjectPublicKeyInfo as sent.</summary>
/// <param name="Kind">What its signature must be.</param>
/// <param name="Text">For people: "RSA 2048", "P-256".</param>
/// <param name="Spki">DER.</param>
/// <param name="KeyBits">Content of the BIT STRING, of which the key identifier is a hash.</param>
internal sealed record SubjectKey(KeyKind Kind, string Text, ReadOnlyMemory<byte> Spki, ReadOnlyMemory<byte> KeyBits)
{
    /// <summary>What identifies it.</summary>
    public SpkiHash Hash { get; } = SpkiHash.Of(Spki.Span);
}
