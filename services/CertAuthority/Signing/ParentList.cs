using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Signing;

/// <summary>A CRL that a CA above ours signed; its number, if it has one, matters least.</summary>
internal sealed record ParentList(byte[] Der, CrlFacts Facts)
{
    public string Pem => CrlPem.Write(Der);

    /// <summary>Distinguishes it from any other list of the same CA, in keys.</summary>
    public string Id => $"{Facts.ThisUpdate.UtcDateTime:yyyyMMddHHmmss}-{Convert.ToHexStringLower(SHA256.HashData(Der).AsSpan(0, 8))}";

    /// <summary>By thisUpdate, then by number: plain `openssl ca -gencrl` gives none.</summary>
    public bool IsNewerThan(ParentList? other) =>
        other is null || (Facts.ThisUpdate, Facts.Number ?? -1).CompareTo((other.Facts.ThisUpdate, other.Facts.Number ?? -1)) > 0;

    public bool HasExpired(DateTimeOffset now) => Facts.NextUpdate <= now;

    /// <summary>From the future: no agent takes it yet.</summary>
    public bool IsEarly(DateTimeOffset now) => Facts.ThisUpdate > now;

    /// <returns>Null: the parent did not sign it, or it can't be read.</returns>
    public static ParentList? Read(byte[] der, X509Certificate2 parent)
    {
        try
        {
            return SignatureScheme.IsSignedBy(der, parent) ? new ParentList(der, CrlFacts.Read(der)) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>The parent's lists in a PEM text, whatever else it holds.</summary>
    public static IEnumerable<ParentList> In(string pem, X509Certificate2 parent) =>
        CrlPem.Split(pem).Select(der => Read(der, parent)).OfType<ParentList>();
}
