using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Tls;

/// <summary>What a caller may do. A certificate of the internal PKI carries roles as URI SANs overture://role/&lt;role&gt;.</summary>
public enum Role
{
    Admin,
    Operator,
    Viewer,
    Enc,
    Autosign,
    Conductor,
    CertAuthority,
    Classifier,
}

/// <summary>Who calls, by TLS alone; never by a header.</summary>
/// <param name="Name">Common name of the certificate, [a-z0-9.-], for records ("admin").</param>
/// <param name="Roles">Its roles.</param>
public sealed record PeerIdentity(string Name, IReadOnlySet<Role> Roles)
{
    private const string Prefix = "overture://role/";

    public static PeerIdentity Of(X509Certificate2 certificate)
    {
        var roles = new HashSet<Role>();
        foreach (var uri in UriNames(certificate))
        {
            if (uri.StartsWith(Prefix, StringComparison.Ordinal) && RoleNames.TryGetValue(uri[Prefix.Length..], out var role))
                roles.Add(role);
        }
        var name = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var plain = name.Length is > 0 and <= 64 && !name.AsSpan().ContainsAnyExcept(NameCharacters);
        return new PeerIdentity(plain ? name : "unnamed", roles);
    }

    private static readonly Dictionary<string, Role> RoleNames = Enum.GetValues<Role>()
        .ToDictionary(r => r.ToString().ToLowerInvariant(), r => r);
    private static readonly System.Buffers.SearchValues<char> NameCharacters = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789.-");

    // .NET's own reader of the extension gives DNS and IP names only. uniformResourceIdentifier is [6] IA5String (RFC 5280 §4.2.1.6).
    private static IEnumerable<string> UriNames(X509Certificate2 certificate)
    {
        var extension = certificate.Extensions["2.5.29.17"];
        if (extension is null)
            yield break;
        var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
        while (names.HasData)
        {
            if (names.PeekTag().HasSameClassAndValue(uri))
                yield return names.ReadCharacterString(UniversalTagNumber.IA5String, uri);
            else
                names.ReadEncodedValue();
        }
    }
}
