using System.Formats.Asn1;
using System.Security.Cryptography;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Signing;

/// <summary>
/// What exactly is to be signed: a pure function of name, key, grant, serial, time and CA. Nothing of the request but its key gets in.
/// Fields and their order as puppetserver writes them (docs/puppet-contracts.md §3.2).
/// </summary>
internal static class CertificateProfile
{
    // New machines have bad clocks, and agents give a notBefore no tolerance.
    internal static readonly TimeSpan Backdate = TimeSpan.FromHours(24);

    /// <summary>DER of the TBSCertificate, and the end it fixes.</summary>
    public static (byte[] Tbs, DateTimeOffset NotAfter) ToBeSigned(
        CertName name, SubjectKey key, Grant grant, byte[] serial, DateTimeOffset now, CaFiles ca)
    {
        var from = Later(now - Backdate, ca.Issuer.NotBefore);
        var until = Earlier(now + TimeSpan.FromSeconds(grant.LifeSeconds), ca.Issuer.NotAfter);
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                writer.WriteInteger(2);
            writer.WriteInteger(serial);
            writer.WriteEncodedValue(ca.Scheme.Identifier.Span);
            writer.WriteEncodedValue(ca.Issuer.SubjectName.RawData);
            using (writer.PushSequence())
            {
                WriteTime(writer, from);
                WriteTime(writer, until);
            }
            WriteSubject(writer, name);
            writer.WriteEncodedValue(key.Spki.Span);
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
            using (writer.PushSequence())
                WriteExtensions(writer, name, key, grant, ca);
        }
        return (writer.Encode(), until);
    }

    /// <summary>One fixed byte that is neither zero nor negative, then 128 random bits.</summary>
    public static byte[] NewSerial(RandomNumberGenerator random)
    {
        var serial = new byte[17];
        random.GetBytes(serial);
        serial[0] = 0x4F;
        return serial;
    }

    private static void WriteExtensions(AsnWriter writer, CertName name, SubjectKey key, Grant grant, CaFiles ca)
    {
        Extension(writer, Oids.SubjectAltName, critical: false, value =>
        {
            using (value.PushSequence())
            {
                foreach (var dns in grant.DnsAltNames.Prepend(name.ToString()).Distinct())
                    value.WriteCharacterString(UniversalTagNumber.IA5String, dns, new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        });
        Extension(writer, Oids.NetscapeComment, critical: false, value =>
            value.WriteCharacterString(UniversalTagNumber.IA5String, "Puppet Server Internal Certificate"));
        Extension(writer, Oids.AuthorityKeyIdentifier, critical: false, value =>
        {
            using (value.PushSequence())
                value.WriteOctetString(ca.KeyId.Span, new Asn1Tag(TagClass.ContextSpecific, 0));
        });
        // RFC 7093 method 1: the left 160 bits of SHA-256.
        Extension(writer, Oids.SubjectKeyIdentifier, critical: false, value =>
            value.WriteOctetString(SHA256.HashData(key.KeyBits.Span).AsSpan(0, 20)));
        Extension(writer, Oids.BasicConstraints, critical: true, value => value.PushSequence().Dispose());
        Extension(writer, Oids.ExtendedKeyUsage, critical: true, value =>
        {
            using (value.PushSequence())
            {
                value.WriteObjectIdentifier(Oids.ServerAuth);
                value.WriteObjectIdentifier(Oids.ClientAuth);
            }
        });
        // digitalSignature is bit 0, keyEncipherment (which an EC key can't do) bit 2.
        Extension(writer, Oids.KeyUsage, critical: true, value => value.WriteBitString(
            key.Kind == KeyKind.Rsa ? [0b1010_0000] : [0b1000_0000], unusedBitCount: key.Kind == KeyKind.Rsa ? 5 : 7));
        foreach (var (oid, text) in grant.Extensions.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            // The maker of the grant has checked; this is the last place where it could be stopped.
            if (!grant.MayCarry(oid))
                throw new InvalidOperationException($"a grant of source '{grant.Source}' may not carry the extension {oid}");
            Extension(writer, oid, critical: false, value => value.WriteCharacterString(UniversalTagNumber.UTF8String, text));
        }
    }

    private static void Extension(AsnWriter writer, string oid, bool critical, Action<AsnWriter> write)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(oid);
            if (critical)
                writer.WriteBoolean(true);
            using (writer.PushOctetString())
                write(writer);
        }
    }

    private static void WriteSubject(AsnWriter writer, CertName name)
    {
        using (writer.PushSequence())
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(Oids.CommonName);
            writer.WriteCharacterString(UniversalTagNumber.UTF8String, name.ToString());
        }
    }

    // RFC 5280 §4.1.2.5: UTCTime to 2049, then GeneralizedTime.
    private static void WriteTime(AsnWriter writer, DateTimeOffset time)
    {
        if (time.Year < 2050)
            writer.WriteUtcTime(time, 2049);
        else
            writer.WriteGeneralizedTime(time, omitFractionalSeconds: true);
    }

    private static DateTimeOffset Later(DateTimeOffset a, DateTime b) => WholeSeconds(a > b ? a : b);

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTime b) => WholeSeconds(a < b ? a : b);

    private static DateTimeOffset WholeSeconds(DateTimeOffset time) => DateTimeOffset.FromUnixTimeSeconds(time.ToUnixTimeSeconds());
}
