using System.Formats.Asn1;
using System.Numerics;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Csr;

/// <summary>
/// Reads a PKCS#10 request (RFC 2986) by an accept list: what is not expected is refused. Own reader because .NET's is no validator (it
/// takes RSA-512, two common names, trailing bytes) and yet refuses version 2, which `puppetserver ca generate` sends.
/// </summary>
internal static class CsrReader
{
    /// <summary>The facts of a request that keeps every rule of form, signature included.</summary>
    /// <exception cref="FaultException">The first rule it breaks.</exception>
    public static CsrFacts Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            var outer = new AsnReader(der, AsnEncodingRules.DER);
            var request = outer.ReadSequence();
            outer.ThrowIfNotEmpty();
            var signed = request.PeekEncodedValue();
            var info = request.ReadSequence();
            var algorithm = CsrSignature.ReadAlgorithm(request.ReadSequence());
            var signature = request.ReadBitString(out var unused);
            request.ThrowIfNotEmpty();
            if (unused != 0)
                throw CsrFault.Of(Reason.CsrDer, "the signature is not whole bytes");

            // RFC 2986 knows version 0 alone; `puppetserver ca generate` writes 2 (docs/puppet-contracts.md §0, point 2).
            if (info.ReadInteger() is var version && version != BigInteger.Zero && version != 2)
                throw CsrFault.Of(Reason.CsrDer, "the version must be 0 (or 2, as puppetserver's own tool writes)");
            var commonName = ReadSubject(info.ReadSequence());
            var key = SubjectKeyReader.Read(info.ReadEncodedValue());
            var facts = new CsrFacts { CommonName = commonName, Key = key };
            if (info.HasData)
                facts = CsrAttributes.Read(info.ReadSetOf(new Asn1Tag(TagClass.ContextSpecific, 0)), facts);
            info.ThrowIfNotEmpty();

            CsrSignature.Verify(key, algorithm, signed.Span, signature);
            return facts;
        }
        catch (AsnContentException)
        {
            throw CsrFault.Of(Reason.CsrDer, "the request is not DER of a PKCS#10 certificate request");
        }
    }

    private static string ReadSubject(AsnReader names)
    {
        if (!names.HasData)
            throw CsrFault.Of(Reason.CsrSubject, "the subject is empty; it must be CN=<certname>");
        var set = names.ReadSetOf();
        var attribute = set.ReadSequence();
        if (names.HasData || set.HasData || attribute.ReadObjectIdentifier() != Oids.CommonName)
            throw CsrFault.Of(Reason.CsrSubject, "the subject must be CN=<certname> and nothing else");
        var tag = attribute.PeekTag();
        var kind = tag == Asn1Tag.Utf8String() ? UniversalTagNumber.UTF8String
            : tag == Asn1Tag.Printable() ? UniversalTagNumber.PrintableString
            : throw CsrFault.Of(Reason.CsrSubject, "the common name must be a UTF8String or a PrintableString");
        try
        {
            var text = attribute.ReadCharacterString(kind);
            attribute.ThrowIfNotEmpty();
            return text;
        }
        catch (AsnContentException)
        {
            throw CsrFault.Of(Reason.CsrSubject, "the common name is not valid text");
        }
    }
}

/// <summary>Tags that the framework does not name.</summary>
internal static class StringTags
{
    extension(Asn1Tag)
    {
        public static Asn1Tag Utf8String() => new(UniversalTagNumber.UTF8String);
        public static Asn1Tag Printable() => new(UniversalTagNumber.PrintableString);
        public static Asn1Tag Ia5() => new(UniversalTagNumber.IA5String);
    }
}
