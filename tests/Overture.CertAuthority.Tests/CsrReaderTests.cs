using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Csr;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The reader of requests: what agents send gets in, one broken rule at a time does not (threats T41-T59).</summary>
public sealed class CsrReaderTests : IDisposable
{
    private const string Name = "0af76519-16cd-43dd-8448-eb211c80319c";
    private readonly ECDsa ec = CsrBuilder.EcKey();
    private readonly RSA rsa = RSA.Create(2048);

    public void Dispose()
    {
        ec.Dispose();
        rsa.Dispose();
    }

    [Fact]
    public void Read_WhatAgentsSend_IsUnderstood()
    {
        var facts = CsrReader.Read(new CsrBuilder(Name, rsa).Challenge("s3cret-token").Renews().DnsNames(Name).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "web").Der());

        Assert.Equal(Name, facts.CommonName);
        Assert.Equal(EnrolmentToken.Hash("s3cret-token"), facts.ChallengeSha256);
        Assert.True(facts.Renews);
        Assert.Equal([Name], facts.DnsNames);
        Assert.Equal("web", facts.Extensions["1.3.6.1.4.1.34380.1.1.13"]);
        Assert.Equal("RSA 2048", facts.Key.Text);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(rsa.ExportSubjectPublicKeyInfo())), facts.Key.SpkiSha256);
        Assert.DoesNotContain("s3cret-token", facts.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0), InlineData(2)]
    public void Read_Version_ZeroAndTwoAreTaken(int version) => CsrReader.Read(new CsrBuilder(Name, ec) { Version = version }.Der());

    [Theory]
    [InlineData(1), InlineData(-1), InlineData(3)]
    public void Read_OtherVersion_IsRefused(int version) => Refused(Reason.CsrDer, new CsrBuilder(Name, ec) { Version = version }.Der());

    [Theory]
    [InlineData("SHA256"), InlineData("SHA384"), InlineData("SHA512")]
    public void Read_GoodHashes_AreTaken(string hash)
    {
        CsrReader.Read(new CsrBuilder(Name, ec) { Hash = new HashAlgorithmName(hash) }.Der());
        CsrReader.Read(new CsrBuilder(Name, rsa) { Hash = new HashAlgorithmName(hash) }.Der());
    }

    [Fact]
    public void Read_P384AndPrintableName_AreTaken()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var facts = CsrReader.Read(new CsrBuilder("", key) { RawSubject = Subject(CsrBuilder.Rdn(("2.5.4.3", UniversalTagNumber.PrintableString, Name))) }.Der());
        Assert.Equal(("P-384", Name), (facts.Key.Text, facts.CommonName));
    }

    // ---- signature

    [Fact]
    public void Read_Md5_IsRefused() => Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, rsa) { Hash = HashAlgorithmName.MD5 }.Der());

    [Fact]
    public void Read_Sha1_IsRefused()
    {
        Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, rsa) { Hash = HashAlgorithmName.SHA1 }.Der());
        Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, ec) { Hash = HashAlgorithmName.SHA1 }.Der());
    }

    [Fact]
    public void Read_BrokenSignature_IsRefused()
    {
        Refused(Reason.CsrSignature, new CsrBuilder(Name, rsa) { BreakSignature = true }.Der());
        Refused(Reason.CsrSignature, new CsrBuilder(Name, ec) { BreakSignature = true }.Der());
    }

    [Fact]
    public void Read_SignedByAnotherKey_IsRefused()
    {
        using var other = CsrBuilder.EcKey();
        Refused(Reason.CsrSignature, new CsrBuilder(Name, ec) { OtherSigner = other }.Der());
    }

    [Fact]
    public void Read_AlgorithmOfAnotherKeyType_IsRefused() => Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, ec) { OtherSigner = rsa }.Der());

    [Fact]
    public void Read_PssOrUnknownAlgorithm_IsRefused() =>
        Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, rsa) { RawAlgorithm = Sequence(w => w.WriteObjectIdentifier("1.2.840.113549.1.1.10")) }.Der());

    [Fact]
    public void Read_EcdsaWithParameters_IsRefused() => Refused(Reason.CsrAlgorithm, new CsrBuilder(Name, ec)
    {
        RawAlgorithm = Sequence(w =>
        {
            w.WriteObjectIdentifier("1.2.840.10045.4.3.2");
            w.WriteNull();
        }),
    }.Der());

    // ---- subject

    public static TheoryData<string, byte[]> BadSubjects => new()
    {
        { "empty", Sequence(_ => { }) },
        { "two RDNs", Subject(CsrBuilder.Rdn(Cn(Name)), CsrBuilder.Rdn(Cn("evil"))) },
        { "multi-valued RDN", Subject(CsrBuilder.Rdn(Cn(Name), ("2.5.4.10", UniversalTagNumber.UTF8String, "x"))) },
        { "O and CN", Subject(CsrBuilder.Rdn(("2.5.4.10", UniversalTagNumber.UTF8String, "x")), CsrBuilder.Rdn(Cn(Name))) },
        { "O alone", Subject(CsrBuilder.Rdn(("2.5.4.10", UniversalTagNumber.UTF8String, Name))) },
        { "BMPString", Subject(CsrBuilder.Rdn(("2.5.4.3", UniversalTagNumber.BMPString, Name))) },
        { "T61String", Subject(CsrBuilder.Rdn(("2.5.4.3", UniversalTagNumber.T61String, Name))) },
        { "IA5String", Subject(CsrBuilder.Rdn(("2.5.4.3", UniversalTagNumber.IA5String, Name))) },
        { "OCTET STRING", Subject(RawCn(w => w.WriteOctetString(Encoding.ASCII.GetBytes(Name)))) },
        { "invalid UTF-8", Subject(RawCn(w => w.WriteEncodedValue([0x0C, 2, 0xC3, 0x28]))) },
        { "invalid Printable", Subject(RawCn(w => w.WriteEncodedValue([0x13, 2, (byte)'a', (byte)'_']))) },
    };

    [Theory, MemberData(nameof(BadSubjects))]
    public void Read_BadSubject_IsRefused(string what, byte[] subject)
    {
        Assert.NotEmpty(what);
        Refused(Reason.CsrSubject, new CsrBuilder("", ec) { RawSubject = subject }.Der());
    }

    // ---- attributes and extensions

    [Fact]
    public void Read_ChallengeTwice_IsRefused()
    {
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Challenge("right").Challenge("wrong").Der());
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Attribute(CsrBuilder.ChallengePassword, Printable("right"), Printable("wrong")).Der());
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Attribute(CsrBuilder.ChallengePassword).Der());
    }

    public static TheoryData<string, byte[]> BadChallenges => new()
    {
        { "BMPString", CsrBuilder.Asn(w => w.WriteCharacterString(UniversalTagNumber.BMPString, "abc")) },
        { "T61String", CsrBuilder.Asn(w => w.WriteCharacterString(UniversalTagNumber.T61String, "abc")) },
        { "OCTET STRING", CsrBuilder.Asn(w => w.WriteOctetString("abc"u8)) },
        { "NUL in UTF8String", CsrBuilder.Asn(w => w.WriteCharacterString(UniversalTagNumber.UTF8String, "abc\0")) },
        { "newline in IA5String", CsrBuilder.Asn(w => w.WriteCharacterString(UniversalTagNumber.IA5String, "abc\n")) },
        { "no ASCII", CsrBuilder.Asn(w => w.WriteCharacterString(UniversalTagNumber.UTF8String, "ａｂｃ")) },
        { "underscore in PrintableString", [0x13, 3, (byte)'a', (byte)'_', (byte)'b'] },
    };

    [Theory, MemberData(nameof(BadChallenges))]
    public void Read_BadChallenge_IsRefused(string what, byte[] value)
    {
        Assert.NotEmpty(what);
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Attribute(CsrBuilder.ChallengePassword, w => w.WriteEncodedValue(value)).Der());
    }

    [Theory]
    [InlineData("1.3.6.1.4.1.311.2.1.14", "Microsoft's twin of extensionRequest")]
    [InlineData("1.3.6.1.4.1.34380.1.3.39", "pp_cli_auth as an attribute")]
    [InlineData("1.2.840.113549.1.9.2", "unstructuredName")]
    public void Read_UnknownAttribute_IsRefused(string oid, string what)
    {
        Assert.NotEmpty(what);
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Attribute(oid, Printable("true")).Der());
    }

    [Fact]
    public void Read_AutoRenewNotTrue_IsRefused() => Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).Attribute(CsrBuilder.AutoRenew, Printable("yes")).Der());

    [Theory]
    [InlineData("1.3.6.1.4.1.34380.1.3.1"), InlineData("1.3.6.1.4.1.34380.1.3.2"), InlineData("1.3.6.1.4.1.34380.1.3.13"), InlineData("1.3.6.1.4.1.34380.1.3.39")]
    [InlineData("1.3.6.1.4.1.34380.1.3.999"), InlineData("1.3.6.1.4.1.34380.1.4.1"), InlineData("1.3.6.1.4.1.34380.1.1"), InlineData("2.5.29.19"), InlineData("2.5.29.15")]
    [InlineData("2.5.29.30"), InlineData("2.5.29.37"), InlineData("1.3.6.1.5.5.7.1.1"), InlineData("2.5.29.31"), InlineData("1.2.3.4")]
    public void Read_ForbiddenExtension_IsRefused(string oid)
    {
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).PuppetExtension(oid, "true").Der());
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).Extension(oid, w => w.WriteNull(), critical: true).Der());
    }

    [Fact]
    public void Read_ExtensionTwice_IsRefused()
    {
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).DnsNames(Name).DnsNames("evil").Der());
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "a").PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "b").Der());
        Refused(Reason.CsrAttribute, new CsrBuilder(Name, ec).DnsNames(Name).Attribute(CsrBuilder.ExtensionRequest, w => w.PushSequence().Dispose()).Der());
    }

    [Fact]
    public void Read_CriticalOrRawPuppetExtension_IsRefused()
    {
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).Extension("1.3.6.1.4.1.34380.1.1.13", w => w.WriteCharacterString(UniversalTagNumber.UTF8String, "x"), critical: true).Der());
        Refused(Reason.CsrExtension, new CsrBuilder(Name, ec).Extension("1.3.6.1.4.1.34380.1.1.13", w => w.WriteOctetString("x"u8)).Der());
    }

    [Theory]
    [InlineData(0), InlineData(1), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Read_OtherKindOfAlternativeName_IsRefused(int tag) => Refused(Reason.CsrSan, new CsrBuilder(Name, ec).Extension(CsrBuilder.SubjectAltName, w =>
    {
        using (w.PushSequence())
            w.WriteOctetString([10, 0, 0, 1], new Asn1Tag(TagClass.ContextSpecific, tag));
    }).Der());

    [Fact]
    public void Read_UndecodableAlternativeNames_AreRefused()
    {
        Refused(Reason.CsrSan, new CsrBuilder(Name, ec).Extension(CsrBuilder.SubjectAltName, w => w.WriteInteger(1)).Der());
        Refused(Reason.CsrSan, new CsrBuilder(Name, ec).Extension(CsrBuilder.SubjectAltName, w => w.PushSequence().Dispose()).Der());
    }

    // ---- keys

    [Theory]
    [InlineData(512), InlineData(1024), InlineData(2040), InlineData(2056), InlineData(3064), InlineData(5120), InlineData(8192), InlineData(16384)]
    public void Read_RsaSize_OnlyThreeAreTaken(int bits) => Refused(Reason.KeySize, WithRsa(Odd(bits), 65537));

    [Fact]
    public void Read_RsaOneBitShort_IsRefused() => Refused(Reason.KeySize, WithRsa(Odd(2047), 65537));

    [Fact]
    public void Read_RsaNegativeModulus_IsRefused() => Refused(Reason.KeySize, WithRsa(-Odd(2047), 65537));

    [Theory]
    [InlineData("1"), InlineData("3"), InlineData("65536"), InlineData("18446744073709551617")]
    public void Read_RsaExponent_Only65537IsTaken(string exponent) =>
        Refused(Reason.KeyWeak, WithRsa(Odd(2048), BigInteger.Parse(exponent, System.Globalization.CultureInfo.InvariantCulture)));

    [Fact]
    public void Read_EvenModulus_IsRefused() => Refused(Reason.KeyWeak, WithRsa(Odd(2048) - 1, 65537));

    [Fact]
    public void Read_OtherCurves_AreRefused()
    {
        using var p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        using var brainpool = ECDsa.Create(ECCurve.NamedCurves.brainpoolP256r1);
        using var koblitz = ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10"));
        foreach (var key in new[] { p521, brainpool, koblitz })
            Refused(Reason.KeyType, new CsrBuilder(Name, key).Der());
    }

    [Fact]
    public void Read_ExplicitCurveParameters_AreRefused()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256.IsNamed ? ec.ExportExplicitParameters(true) : default);
        Refused(Reason.KeyType, new CsrBuilder(Name, key).Der());
    }

    public static TheoryData<string, byte[], Reason> BadPoints => new()
    {
        { "infinity", [0], Reason.KeyType },
        { "compressed", [2, .. new byte[32]], Reason.KeyType },
        { "hybrid", [6, .. new byte[64]], Reason.KeyType },
        { "one byte short", [4, .. new byte[63]], Reason.KeyType },
        { "not on the curve", [4, .. new byte[63], 1], Reason.KeyWeak },
        { "coordinate not reduced", [4, .. Enumerable.Repeat((byte)0xFF, 64)], Reason.KeyWeak },
    };

    [Theory, MemberData(nameof(BadPoints))]
    public void Read_BadPoint_IsRefused(string what, byte[] point, Reason reason)
    {
        Assert.NotEmpty(what);
        Refused(reason, new CsrBuilder(Name, ec) { RawSpki = Spki(w => { w.WriteObjectIdentifier("1.2.840.10045.2.1"); w.WriteObjectIdentifier("1.2.840.10045.3.1.7"); }, point) }.Der());
    }

    [Theory]
    [InlineData("1.3.101.112", "Ed25519"), InlineData("1.3.101.110", "X25519"), InlineData("1.2.840.10040.4.1", "DSA"), InlineData("1.2.840.113549.1.1.10", "RSA-PSS"), InlineData("2.16.840.1.101.3.4.3.17", "ML-DSA")]
    public void Read_OtherKeyTypes_AreRefused(string oid, string what)
    {
        Assert.NotEmpty(what);
        Refused(Reason.KeyType, new CsrBuilder(Name, ec) { RawSpki = Spki(w => w.WriteObjectIdentifier(oid), new byte[32]) }.Der());
    }

    [Fact]
    public void Read_RsaWithoutNullParameters_IsRefused() =>
        Refused(Reason.KeyType, new CsrBuilder(Name, rsa) { RawSpki = Spki(w => w.WriteObjectIdentifier("1.2.840.113549.1.1.1"), rsa.ExportRSAPublicKey()) }.Der());

    // ---- DER

    [Fact]
    public void Read_TrailingBytes_AreRefused()
    {
        Refused(Reason.CsrDer, [.. new CsrBuilder(Name, ec).Der(), 0]);
        Refused(Reason.CsrDer, new CsrBuilder(Name, ec) { RawTail = [5, 0] }.Der());
    }

    public static TheoryData<string, byte[]> Garbage => new()
    {
        { "nothing", [] },
        { "one byte", [0x30] },
        { "BER indefinite length", [0x30, 0x80, 0, 0] },
        { "length 2^31-1", [0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF] },
        { "non-minimal length", [0x30, 0x81, 0x01, 0x00] },
        { "wrong tag", [0x31, 0x00] },
        { "10,000 deep", [.. Enumerable.Repeat<byte[]>([0x30, 0x84, 0, 0, 0x27, 0x10], 2000).SelectMany(b => b)] },
    };

    [Theory, MemberData(nameof(Garbage))]
    public void Read_Garbage_IsRefused(string what, byte[] der)
    {
        Assert.NotEmpty(what);
        Refused(Reason.CsrDer, der);
    }

    [Fact]
    public void Read_AnyByteChanged_IsRefusedOrHarmless()
    {
        var good = new CsrBuilder(Name, ec).Challenge("secret").DnsNames(Name).Der();
        for (var i = 0; i < good.Length; i++)
        {
            var bad = good.ToArray();
            bad[i] ^= 0x15;
            // Whatever it is: our own refusal, never another exception, never taken for good.
            Assert.ThrowsAny<FaultException>(() => CsrReader.Read(bad));
        }
    }

    [Fact]
    public void Read_CutAnywhere_IsRefused()
    {
        var good = new CsrBuilder(Name, ec).Challenge("secret").Der();
        for (var length = 0; length < good.Length; length++)
            Refused(Reason.CsrDer, good[..length]);
    }

    private static void Refused(Reason reason, byte[] der) =>
        Assert.Equal((FaultKind.Invalid, reason), Assert.Throws<FaultException>(() => CsrReader.Read(der)) is var fault ? (fault.Kind, fault.Reason) : default);

    private static (string, UniversalTagNumber, string) Cn(string text) => ("2.5.4.3", UniversalTagNumber.UTF8String, text);

    private static Action<AsnWriter> Printable(string text) => w => w.WriteCharacterString(UniversalTagNumber.PrintableString, text);

    private static byte[] Sequence(Action<AsnWriter> content) => CsrBuilder.Asn(w =>
    {
        using (w.PushSequence())
            content(w);
    });

    private static byte[] Subject(params Action<AsnWriter>[] rdns) => Sequence(w =>
    {
        foreach (var rdn in rdns)
            rdn(w);
    });

    private static Action<AsnWriter> RawCn(Action<AsnWriter> value) => w =>
    {
        using (w.PushSetOf())
        using (w.PushSequence())
        {
            w.WriteObjectIdentifier("2.5.4.3");
            value(w);
        }
    };

    private static byte[] Spki(Action<AsnWriter> algorithm, byte[] key) => Sequence(w =>
    {
        using (w.PushSequence())
            algorithm(w);
        w.WriteBitString(key);
    });

    private static BigInteger Odd(int bits) => (BigInteger.One << (bits - 1)) + 1;

    private byte[] WithRsa(BigInteger modulus, BigInteger exponent) => new CsrBuilder(Name, rsa)
    {
        RawSpki = Spki(
            w => { w.WriteObjectIdentifier("1.2.840.113549.1.1.1"); w.WriteNull(); },
            Sequence(w => { w.WriteInteger(modulus); w.WriteInteger(exponent); })),
    }.Der();
}
