using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Signing;

/// <summary>A certificate of the CA API with its key, ready for handshakes: leaf and intermediate are sent.</summary>
internal sealed class ServerIdentity
{
    private ServerIdentity(X509Certificate2 leaf, CaFiles ca)
    {
        Leaf = leaf;
        Serial = SerialNumber.Of(leaf);
        Context = SslStreamCertificateContext.Create(leaf, ca.Chain, offline: true);
    }

    public X509Certificate2 Leaf { get; }
    public SerialNumber Serial { get; }
    public SslStreamCertificateContext Context { get; }

    /// <summary>Null where there is no pair, or one of another CA.</summary>
    public static ServerIdentity? Read(string? pem, CaFiles ca)
    {
        if (pem is null)
            return null;
        try
        {
            var leaf = X509Certificate2.CreateFromPem(pem, pem);
            var issuedHere = leaf.Extensions.OfType<X509AuthorityKeyIdentifierExtension>()
                .FirstOrDefault()?.KeyIdentifier?.Span.SequenceEqual(ca.KeyId.Span) == true;
            return issuedHere ? new ServerIdentity(leaf, ca) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Carries these names, and is not past two thirds of its life.</summary>
    public bool Fits(IReadOnlyList<string> names, DateTimeOffset now)
    {
        var carried = Leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(e => e.EnumerateDnsNames())
            .ToHashSet(StringComparer.Ordinal);
        var (from, until) = (new DateTimeOffset(Leaf.NotBefore), new DateTimeOffset(Leaf.NotAfter));
        return names.All(carried.Contains) && now < from + ((until - from) * 2 / 3);
    }
}
