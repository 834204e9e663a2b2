using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>A list of certificates of the internal PKI that were revoked, whose signature was checked.</summary>
/// <param name="Issuer">Key of the CA that signed it.</param>
/// <param name="Number">Its crlNumber, 1 or more.</param>
/// <param name="Entries">All that the CA has ever revoked.</param>
/// <param name="Pem">The list itself.</param>
public sealed record InternalCrl(SpkiHash Issuer, long Number, IReadOnlyList<RevokedEntry> Entries, string Pem)
{
    /// <summary>Most bytes of PEM: some 3,000 certificates.</summary>
    public const int MaxBytes = 200 * 1024;

    /// <param name="pem">One list.</param>
    /// <param name="cas">Whose lists count.</param>
    /// <param name="rule">What is wrong with it, as the rest of a sentence; null: nothing.</param>
    /// <returns>Null: there is a rule that it breaks.</returns>
    public static InternalCrl? Read(string pem, IEnumerable<X509Certificate2> cas, out string? rule)
    {
        rule = null;
        try
        {
            if (pem.Length > MaxBytes)
                rule = $"must have at most {MaxBytes} characters";
            else if (CrlPem.Split(pem) is not [var der])
                rule = "must be one CRL in PEM";
            else if (cas.FirstOrDefault(ca => SignatureScheme.IsSignedBy(der, ca)) is not { } issuer)
                rule = "is not signed by a CA of the internal PKI";
            else if (CrlFacts.Read(der) is not { Number: > 0 and var number, NumberFault: "" } facts)
                rule = "must have a crlNumber of 1 or more";
            else if (facts.Beyond.Length > 0)
                rule = facts.Beyond;
            else
                return new InternalCrl(SpkiHash.Of(issuer), number, facts.Entries, CrlPem.Write(der));
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            rule = "is not a CRL in DER";
        }
        return null;
    }

    /// <summary>Whether every certificate that the other one lists is on this one: what was revoked once stays revoked.</summary>
    public bool HoldsAllOf(InternalCrl other) =>
        other.Entries.Select(e => e.Serial).ToHashSet().IsSubsetOf(Entries.Select(e => e.Serial));
}
