using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.Platform.Certificates;

/// <summary>One revoked certificate of a list.</summary>
/// <param name="Reason">RFC 5280 CRLReason; 0 where the list gives none.</param>
public readonly record struct RevokedEntry(SerialNumber Serial, DateTimeOffset At, int Reason);

/// <summary>What a list of revoked certificates (RFC 5280 §5) says.</summary>
/// <param name="Issuer">DER of its issuer's name.</param>
/// <param name="Number">Null where it has none, as lists of version 1, or none that can be used.</param>
/// <param name="NextUpdate">Null where it has none.</param>
public sealed record CrlFacts(
    ReadOnlyMemory<byte> Issuer, long? Number, DateTimeOffset ThisUpdate, DateTimeOffset? NextUpdate, IReadOnlyList<RevokedEntry> Entries)
{
    /// <summary>
    /// What is wrong with its number, which it may have all the same; "" where nothing is. Entries and dates do not depend on it.
    /// </summary>
    public string NumberFault { get; private init; } = "";

    /// <summary>
    /// Why it is not the whole list of its issuer's own certificates, or what of it is not understood here and must be (RFC 5280,
    /// extensions of lists and entries), as the rest of a sentence; "" where nothing is.
    /// </summary>
    public string Beyond { get; private init; } = "";

    // Room above it: the next list has a higher one.
    private const long MaxNumber = long.MaxValue / 2;
    private const string NumberOid = "2.5.29.20", ReasonOid = "2.5.29.21", DeltaOid = "2.5.29.27", DistributionPointOid = "2.5.29.28",
        AuthorityKeyOid = "2.5.29.35", InvalidityOid = "2.5.29.24";

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
            throw new CryptographicException("this is not a CRL in DER", e);
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
        var (entries, beyond) = (new List<RevokedEntry>(), "");
        // RFC 5280 §5.1: no empty list of entries, it is left out.
        if (list.HasData && list.PeekTag() == Asn1Tag.Sequence)
        {
            var revoked = list.ReadSequence();
            while (revoked.HasData)
                entries.Add(ReadEntry(revoked.ReadSequence(), ref beyond));
        }
        var (number, fault) = ReadExtensions(list, ref beyond);
        return new CrlFacts(issuer, number, thisUpdate, nextUpdate, entries) { NumberFault = fault, Beyond = beyond };
    }

    private static RevokedEntry ReadEntry(AsnReader entry, ref string beyond)
    {
        var serial = SerialNumber.Of(entry.ReadIntegerBytes().Span);
        var at = ReadTime(entry);
        var reason = 0;
        for (var extensions = entry.HasData ? entry.ReadSequence() : null; extensions?.HasData == true;)
        {
            var value = Extension(extensions, out var oid, out var critical);
            if (critical && oid is not (ReasonOid or InvalidityOid))
                beyond = $"has an entry with the critical extension {oid}, which is unknown here";
            if (oid == ReasonOid)
                reason = (int)new AsnReader(value, AsnEncodingRules.DER).ReadEnumeratedValue<X509RevocationReason>();
        }
        return new RevokedEntry(serial, at, reason);
    }

    private static (long? Number, string Fault) ReadExtensions(AsnReader list, ref string beyond)
    {
        (long? Number, string Fault)? number = null;
        var extensions = list.HasData ? list.ReadSequence(new Asn1Tag(TagClass.ContextSpecific, 0)).ReadSequence() : null;
        while (extensions?.HasData == true)
        {
            var value = Extension(extensions, out var oid, out var critical);
            if (oid == NumberOid)
                number ??= NumberIn(value);
            else if (oid == DeltaOid)
                beyond = "must be a whole list, not a delta CRL";
            else if (oid == DistributionPointOid)
                beyond = "must be its CA's whole list, without an issuing distribution point";
            else if (critical && oid != AuthorityKeyOid)
                beyond = $"has the critical extension {oid}, which is unknown here";
        }
        return number ?? (null, "");
    }

    private static (long? Number, string Fault) NumberIn(byte[] value)
    {
        if (DigitsIn(value) is { } digits)
        {
            var meant = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MaxNumber
                ? number : (long?)null;
            return (meant, $"its crlNumber is the digits {(digits.Length > 20 ? digits[..20] + "…" : digits)} instead of a DER INTEGER");
        }
        try
        {
            var reader = new AsnReader(value, AsnEncodingRules.DER);
            var number = reader.ReadInteger();
            reader.ThrowIfNotEmpty();
            return number < 0 || number > MaxNumber ? (null, $"its crlNumber {(number < 0 ? "is negative" : "has more than 62 bits")}")
                : ((long)number, "");
        }
        catch (AsnContentException)
        {
            return (null, "its crlNumber is not a DER INTEGER");
        }
    }

    // As an old prune of puppetserver's CA wrote it: the digits, where DER of an INTEGER belongs; or those digits as a DER string.
    private static string? DigitsIn(byte[] value)
    {
        var text = value is [0x04 or 0x0C or 0x12 or 0x13 or 0x16, var length, .. var content] && length == content.Length
            ? content : value;
        return Encoding.ASCII.GetString(text).Trim() is { Length: > 0 } digits && digits.All(char.IsAsciiDigit) ? digits : null;
    }

    private static byte[] Extension(AsnReader extensions, out string oid, out bool critical)
    {
        var extension = extensions.ReadSequence();
        oid = extension.ReadObjectIdentifier();
        critical = extension.PeekTag() == Asn1Tag.Boolean && extension.ReadBoolean();
        return extension.ReadOctetString();
    }

    private static bool IsTime(AsnReader list) => list.PeekTag() == Asn1Tag.UtcTime || list.PeekTag() == Asn1Tag.GeneralizedTime;

    private static DateTimeOffset ReadTime(AsnReader reader) => reader.PeekTag() == Asn1Tag.UtcTime
        ? reader.ReadUtcTime() : reader.ReadGeneralizedTime();
}
