using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>One revoked certificate of a list.</summary>
/// <param name="Reason">RFC 5280 CRLReason; 0 where the list gives none.</param>
public readonly record struct RevokedEntry(string Serial, DateTimeOffset At, int Reason);

/// <summary>What a list of revoked certificates (RFC 5280 §5) says.</summary>
/// <param name="Issuer">DER of its issuer's name.</param>
/// <param name="Number">Null where it has none.</param>
/// <param name="NextUpdate">Null where it has none.</param>
public sealed record CrlFacts(ReadOnlyMemory<byte> Issuer, long? Number, DateTimeOffset ThisUpdate, DateTimeOffset? NextUpdate, IReadOnlyList<RevokedEntry> Entries)
{
    private const string NumberOid = "2.5.29.20", ReasonOid = "2.5.29.21";

    /// <summary>Says nothing of who signed it: <see cref="SignatureScheme.IsSignedBy"/>.</summary>
    /// <exception cref="CryptographicException">It is not DER of a list.</exception>
    public static CrlFacts Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            return ReadList(new AsnReader(der, AsnEncodingRules.DER).ReadSequence().ReadSequence());
        }
        catch (Exception e) when (e is AsnContentException or OverflowException)
        {
            throw new CryptographicException("this is no list of revoked certificates in DER", e);
        }
    }

    private static CrlFacts ReadList(AsnReader list)
    {
        if (list.PeekTag() == Asn1Tag.Integer)
            list.ReadInteger();
        list.ReadEncodedValue(); // algorithm
        var issuer = list.ReadEncodedValue();
        var thisUpdate = ReadTime(list);
        var nextUpdate = list.HasData && IsTime(list) ? ReadTime(list) : (DateTimeOffset?)null;
        var entries = new List<RevokedEntry>();
        // RFC 5280 §5.1: no empty list of entries, it is left out.
        if (list.HasData && list.PeekTag() == Asn1Tag.Sequence)
        {
            var revoked = list.ReadSequence();
            while (revoked.HasData)
                entries.Add(ReadEntry(revoked.ReadSequence()));
        }
        return new CrlFacts(issuer, ReadNumber(list), thisUpdate, nextUpdate, entries);
    }

    private static RevokedEntry ReadEntry(AsnReader entry)
    {
        var serial = SerialText.Of(entry.ReadIntegerBytes().Span);
        var at = ReadTime(entry);
        var reason = 0;
        for (var extensions = entry.HasData ? entry.ReadSequence() : null; extensions?.HasData == true;)
        {
            var value = Extension(extensions, out var oid);
            if (oid == ReasonOid)
                reason = (int)new AsnReader(value, AsnEncodingRules.DER).ReadEnumeratedValue<X509RevocationReason>();
        }
        return new RevokedEntry(serial, at, reason);
    }

    private static long? ReadNumber(AsnReader list)
    {
        if (!list.HasData)
            return null;
        var extensions = list.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadSequence();
        while (extensions.HasData)
        {
            var value = Extension(extensions, out var oid);
            if (oid == NumberOid)
                return (long)new AsnReader(value, AsnEncodingRules.DER).ReadInteger();
        }
        return null;
    }

    private static byte[] Extension(AsnReader extensions, out string oid)
    {
        var extension = extensions.ReadSequence();
        oid = extension.ReadObjectIdentifier();
        if (extension.PeekTag() == Asn1Tag.Boolean)
            extension.ReadBoolean();
        return extension.ReadOctetString();
    }

    private static bool IsTime(AsnReader list) => list.PeekTag() == Asn1Tag.UtcTime || list.PeekTag() == Asn1Tag.GeneralizedTime;

    private static DateTimeOffset ReadTime(AsnReader reader) => reader.PeekTag() == Asn1Tag.UtcTime ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();
}
