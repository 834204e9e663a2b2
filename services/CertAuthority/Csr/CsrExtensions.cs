using System.Formats.Asn1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Csr;

/// <summary>
/// The extensions a request may ask for: a subjectAltName of DNS names, and Puppet's registered and private ones. Whether they are granted
/// is the policy's affair; the certificate is never built from them.
/// </summary>
internal static class CsrExtensions
{
    public static CsrFacts Read(AsnReader extensions, CsrFacts facts)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var oid = extension.ReadObjectIdentifier();
            var critical = extension.PeekTag() == Asn1Tag.Boolean && extension.ReadBoolean();
            var value = extension.ReadOctetString();
            extension.ThrowIfNotEmpty();
            if (!seen.Add(oid))
                throw CsrFault.Of(Reason.CsrExtension, "an extension occurs twice");
            if (oid == Oids.SubjectAltName)
                facts = facts with { DnsNames = ReadNames(value) };
            else if (PuppetExtensions.OidOf(oid) is null)
                throw CsrFault.Of(Reason.CsrExtension, $"the extension {oid} is not allowed in a request");
            else if (critical)
                throw CsrFault.Of(Reason.CsrExtension, $"the extension {PuppetExtensions.NameOf(oid)} must not be critical");
            else
                found.Add(oid, ReadValue(oid, value));
        }
        return facts with { Extensions = found };
    }

    private static List<string> ReadNames(byte[] value)
    {
        try
        {
            var whole = new AsnReader(value, AsnEncodingRules.DER);
            var names = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var dns = new Asn1Tag(TagClass.ContextSpecific, 2);
            var found = new List<string>();
            while (names.HasData)
            {
                if (!names.PeekTag().HasSameClassAndValue(dns))
                    throw CsrFault.Of(Reason.CsrSan, "alternative names may be DNS names only");
                found.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, dns));
            }
            return found.Count > 0 ? found : throw CsrFault.Of(Reason.CsrSan, "the list of alternative names is empty");
        }
        catch (AsnContentException)
        {
            throw CsrFault.Of(Reason.CsrSan, "the list of alternative names is not DER of GeneralNames");
        }
    }

    private static string ReadValue(string oid, byte[] value)
    {
        try
        {
            var whole = new AsnReader(value, AsnEncodingRules.DER);
            var text = whole.ReadCharacterString(UniversalTagNumber.UTF8String);
            whole.ThrowIfNotEmpty();
            return text;
        }
        catch (AsnContentException)
        {
            throw CsrFault.Of(Reason.CsrExtension, $"the extension {PuppetExtensions.NameOf(oid)} is not a UTF8String");
        }
    }
}
