using System.Formats.Asn1;
using System.Security.Cryptography;

namespace Overture.TestSupport;

/// <summary>
/// Certificate requests as agents make them, and as attackers would: every part can be replaced by raw bytes, and the whole is signed
/// properly afterwards, so that a test breaks one rule at a time.
/// </summary>
public sealed class CsrBuilder(string commonName, AsymmetricAlgorithm key)
{
    public const string ExtensionRequest = "1.2.840.113549.1.9.14", ChallengePassword = "1.2.840.113549.1.9.7",
        AutoRenew = "1.3.6.1.4.1.34380.1.3.2", SubjectAltName = "2.5.29.17";

    private readonly List<byte[]> attributes = [];
    private readonly List<byte[]> extensions = [];

    public int Version { get; set; }
    public HashAlgorithmName Hash { get; set; } = HashAlgorithmName.SHA256;
    public byte[]? RawSubject { get; set; }
    public byte[]? RawSpki { get; set; }
    /// <summary>The AlgorithmIdentifier, where it should be false.</summary>
    public byte[]? RawAlgorithm { get; set; }
    /// <summary>Signs in the key's stead.</summary>
    public AsymmetricAlgorithm? OtherSigner { get; set; }
    public bool BreakSignature { get; set; }
    /// <summary>After the attributes, inside the signed part.</summary>
    public byte[]? RawTail { get; set; }

    public static ECDsa EcKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public CsrBuilder Challenge(string secret) =>
        Attribute(ChallengePassword, w => w.WriteCharacterString(UniversalTagNumber.PrintableString, secret));

    public CsrBuilder Renews() => Attribute(AutoRenew, w => w.WriteCharacterString(UniversalTagNumber.PrintableString, "true"));

    public CsrBuilder DnsNames(params string[] names) => Extension(SubjectAltName, w =>
    {
        using (w.PushSequence())
        {
            foreach (var name in names)
                w.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
        }
    });

    public CsrBuilder PuppetExtension(string oid, string value) =>
        Extension(oid, w => w.WriteCharacterString(UniversalTagNumber.UTF8String, value));

    public CsrBuilder Extension(string oid, Action<AsnWriter> value, bool critical = false)
    {
        var inner = Asn(value);
        extensions.Add(Asn(w =>
        {
            using (w.PushSequence())
            {
                w.WriteObjectIdentifier(oid);
                if (critical)
                    w.WriteBoolean(true);
                w.WriteOctetString(inner);
            }
        }));
        return this;
    }

    /// <summary>An attribute with one value for each writer.</summary>
    public CsrBuilder Attribute(string oid, params Action<AsnWriter>[] values)
    {
        attributes.Add(Asn(w =>
        {
            using (w.PushSequence())
            {
                w.WriteObjectIdentifier(oid);
                using (w.PushSetOf())
                {
                    foreach (var value in values)
                        w.WriteEncodedValue(Asn(value));
                }
            }
        }));
        return this;
    }

    public string Pem() => PemEncoding.WriteString("CERTIFICATE REQUEST", Der()) + "\n";

    public byte[] Der()
    {
        var info = Info();
        var signature = Sign(info);
        if (BreakSignature)
            signature[^1] ^= 1;
        return Asn(w =>
        {
            using (w.PushSequence())
            {
                w.WriteEncodedValue(info);
                w.WriteEncodedValue(RawAlgorithm ?? Algorithm());
                w.WriteBitString(signature);
            }
        });
    }

    public static byte[] Asn(Action<AsnWriter> write)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        write(writer);
        return writer.Encode();
    }

    /// <summary>One RDN.</summary>
    public static Action<AsnWriter> Rdn(params (string Oid, UniversalTagNumber Kind, string Text)[] parts) => w =>
    {
        using (w.PushSetOf())
        {
            foreach (var (oid, kind, text) in parts)
            {
                using (w.PushSequence())
                {
                    w.WriteObjectIdentifier(oid);
                    w.WriteCharacterString(kind, text);
                }
            }
        }
    };

    private byte[] Info() => Asn(w =>
    {
        using (w.PushSequence())
        {
            w.WriteInteger(Version);
            w.WriteEncodedValue(RawSubject ?? Asn(s =>
            {
                using (s.PushSequence())
                    Rdn(("2.5.4.3", UniversalTagNumber.UTF8String, commonName))(s);
            }));
            w.WriteEncodedValue(RawSpki ?? key.ExportSubjectPublicKeyInfo());
            using (w.PushSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)))
            {
                foreach (var attribute in AllAttributes())
                    w.WriteEncodedValue(attribute);
            }
            if (RawTail is not null)
                w.WriteEncodedValue(RawTail);
        }
    });

    private IEnumerable<byte[]> AllAttributes() => extensions.Count == 0 ? attributes : attributes.Append(Asn(w =>
    {
        using (w.PushSequence())
        {
            w.WriteObjectIdentifier(ExtensionRequest);
            using (w.PushSetOf())
            {
            using (w.PushSequence())
            {
                foreach (var extension in extensions)
                    w.WriteEncodedValue(extension);
            }
            }
        }
    }));

    private byte[] Sign(byte[] info) => (OtherSigner ?? key) switch
    {
        RSA rsa => rsa.SignData(info, Hash, RSASignaturePadding.Pkcs1),
        ECDsa ec => ec.SignData(info, Hash, DSASignatureFormat.Rfc3279DerSequence),
        _ => new byte[64],
    };

    private byte[] Algorithm() => Asn(w =>
    {
        using (w.PushSequence())
        {
            var rsa = (OtherSigner ?? key) is RSA;
            w.WriteObjectIdentifier((rsa, Hash.Name) switch
            {
                (true, "MD5") => "1.2.840.113549.1.1.4",
                (true, "SHA1") => "1.2.840.113549.1.1.5",
                (true, "SHA384") => "1.2.840.113549.1.1.12",
                (true, "SHA512") => "1.2.840.113549.1.1.13",
                (true, _) => "1.2.840.113549.1.1.11",
                (false, "SHA1") => "1.2.840.10045.4.1",
                (false, "SHA384") => "1.2.840.10045.4.3.3",
                (false, "SHA512") => "1.2.840.10045.4.3.4",
                (false, _) => "1.2.840.10045.4.3.2",
            });
            if (rsa)
                w.WriteNull();
        }
    });
}
