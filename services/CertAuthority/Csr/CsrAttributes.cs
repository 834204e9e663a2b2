using System.Formats.Asn1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Csr;

/// <summary>
/// The attributes a request may carry: extensionRequest, challengePassword and the auto-renew marker, each at most once with one value.
/// Microsoft's twin of extensionRequest is refused: some parsers read it and some do not.
/// </summary>
internal static class CsrAttributes
{
    public static CsrFacts Read(AsnReader attributes, CsrFacts facts)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (attributes.HasData)
        {
            var attribute = attributes.ReadSequence();
            var oid = attribute.ReadObjectIdentifier();
            var values = attribute.ReadSetOf();
            attribute.ThrowIfNotEmpty();
            if (!seen.Add(oid))
                throw CsrFault.Of(Reason.CsrAttribute, "an attribute occurs twice");
            if (!values.HasData)
                throw CsrFault.Of(Reason.CsrAttribute, "an attribute has no value");
            facts = oid switch
            {
                Oids.ExtensionRequest => CsrExtensions.Read(values.ReadSequence(), facts),
                Oids.ChallengePassword => WithChallenge(facts, ReadText(values)),
                Oids.AutoRenew => ReadText(values) == "true"
                    ? facts with { Renews = true }
                    : throw CsrFault.Of(Reason.CsrAttribute, "the auto-renew attribute must be \"true\""),
                _ => throw CsrFault.Of(Reason.CsrAttribute, $"the attribute {oid} is not allowed"),
            };
            if (values.HasData)
                throw CsrFault.Of(Reason.CsrAttribute, "an attribute has two values");
        }
        return facts;
    }

    private static CsrFacts WithChallenge(CsrFacts facts, string secret) => string.IsNullOrWhiteSpace(secret)
        ? facts
        : facts with { ChallengeSha256 = EnrollmentToken.Hash(secret), ChallengeIsToken = EnrollmentToken.HasShape(secret) };

    private static string ReadText(AsnReader values)
    {
        var tag = values.PeekTag();
        var kind = tag == Asn1Tag.Printable() ? UniversalTagNumber.PrintableString
            : tag == Asn1Tag.Ia5() ? UniversalTagNumber.IA5String
            : tag == Asn1Tag.Utf8String() ? UniversalTagNumber.UTF8String
            : throw CsrFault.Of(Reason.CsrAttribute, "an attribute's value must be a PrintableString, IA5String or UTF8String");
        try
        {
            var text = values.ReadCharacterString(kind);
            return text.AsSpan().ContainsAnyExceptInRange(' ', '~')
                ? throw CsrFault.Of(Reason.CsrAttribute, "an attribute's value must be printable ASCII")
                : text;
        }
        catch (AsnContentException)
        {
            throw CsrFault.Of(Reason.CsrAttribute, "an attribute's value is not valid text");
        }
    }
}
