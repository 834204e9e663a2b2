using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// Lists of revoked certificates as others make them: of version 1 without a number, as plain `openssl ca -gencrl`, or with a number whose
/// content is anything.
/// </summary>
public static class TestCrl
{
    /// <param name="issuer">Whose list it is.</param>
    /// <param name="key">With which it is signed.</param>
    /// <param name="thisUpdate">Whole seconds.</param>
    /// <param name="number">The content of the crlNumber extension; null: version 1, without extensions.</param>
    /// <param name="life">From thisUpdate to nextUpdate; zero: there is none.</param>
    /// <param name="serials">Revoked ones, in hex.</param>
    public static string Pem(
        X509Certificate2 issuer, RSA key, DateTimeOffset thisUpdate, byte[]? number = null, TimeSpan? life = null,
        params string[] serials) =>
        Made(issuer, key, thisUpdate, number, life, serials, null);

    /// <summary>List 1, without entries, with one more extension.</summary>
    public static string Extended(X509Certificate2 issuer, RSA key, DateTimeOffset thisUpdate, string oid, bool critical) =>
        Made(issuer, key, thisUpdate, Number(1), null, [], (oid, critical));

    private static string Made(X509Certificate2 issuer, RSA key, DateTimeOffset thisUpdate, byte[]? number, TimeSpan? life,
        string[] serials, (string Oid, bool Critical)? more)
    {
        var signed = new AsnWriter(AsnEncodingRules.DER);
        using (signed.PushSequence())
        {
            if (number is not null)
                signed.WriteInteger(1);
            Sha256Rsa(signed);
            signed.WriteEncodedValue(issuer.SubjectName.RawData);
            signed.WriteUtcTime(thisUpdate);
            if (life != TimeSpan.Zero)
                signed.WriteUtcTime(thisUpdate + (life ?? TimeSpan.FromDays(400)));
            if (serials.Length > 0)
                Entries(signed, thisUpdate, serials);
            if (number is not null)
                Extension(signed, number, more);
        }
        return Signed(signed.Encode(), key);
    }

    /// <summary>What this key signed, and no list: a check of the signature alone takes it for one.</summary>
    public static string Unreadable(RSA key)
    {
        var signed = new AsnWriter(AsnEncodingRules.DER);
        using (signed.PushSequence())
            signed.WriteNull();
        return Signed(signed.Encode(), key);
    }

    private static string Signed(byte[] tbs, RSA key)
    {
        var list = new AsnWriter(AsnEncodingRules.DER);
        using (list.PushSequence())
        {
            list.WriteEncodedValue(tbs);
            Sha256Rsa(list);
            list.WriteBitString(key.SignData(tbs, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        }
        return CrlPem.Write(list.Encode());
    }

    /// <summary>DER of an INTEGER, as a number should be.</summary>
    public static byte[] Number(long number)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        writer.WriteInteger(number);
        return writer.Encode();
    }

    private static void Entries(AsnWriter writer, DateTimeOffset at, string[] serials)
    {
        using (writer.PushSequence())
        {
            foreach (var serial in serials)
            {
                using (writer.PushSequence())
                {
                    writer.WriteInteger(Convert.FromHexString(serial));
                    writer.WriteUtcTime(at);
                }
            }
        }
    }

    private static void Extension(AsnWriter writer, byte[] number, (string Oid, bool Critical)? more)
    {
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier("2.5.29.20");
                writer.WriteOctetString(number);
            }
            if (more is not { } other)
                return;
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(other.Oid);
                if (other.Critical)
                    writer.WriteBoolean(true);
                writer.WriteOctetString(Number(1));
            }
        }
    }

    private static void Sha256Rsa(AsnWriter writer)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier("1.2.840.113549.1.1.11");
            writer.WriteNull();
        }
    }
}
