using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Tls;

/// <summary>
/// What a certificate of the internal PKI says of its holder: its subject alternative names, as they are. Whatever begins with
/// "overture:", in any case, must be one of the three forms: what can't be understood could be a limit.
/// </summary>
internal sealed class PeerClaims
{
    public const string RolePrefix = "overture://role/", PersonPrefix = "overture://person/", ScopePrefix = "overture://scope/";

    private const string Scheme = "overture:", NamesOid = "2.5.29.17";
    private static readonly Role[] OfPeople = [Role.Admin, Role.Operator, Role.Viewer];
    private readonly List<string> terms = [];
    private string? problem;
    private bool others;

    private PeerClaims()
    {
    }

    /// <summary>In order, with repetitions.</summary>
    public List<Role> Roles { get; } = [];

    public List<string> Persons { get; } = [];

    public Scope Scope { get; private set; } = Scope.Everything;

    public static PeerClaims Of(X509Certificate2 certificate)
    {
        var claims = new PeerClaims();
        var extensions = certificate.Extensions.Where(e => e.Oid?.Value == NamesOid).ToList();
        if (extensions.Count > 1)
            claims.problem = "has two lists of subject alternative names";
        else if (extensions.Count == 1)
            claims.Read(extensions[0].RawData);
        claims.Scope = Scope.Parse(claims.terms, out var rule);
        claims.problem ??= rule is null ? null : $"is malformed: {rule}";
        return claims;
    }

    /// <returns>Why they grant nothing, as the rest of a sentence that begins with the certificate; null: they are good.</returns>
    public string? ProblemUnder(string commonName)
    {
        if (problem is not null)
            return problem;
        if (Persons.Count == 0)
            return Scope.IsLimited ? "has a scope and names no person (overture://person/NAME)" : null;
        if (Persons.Count > 1)
            return "names two persons";
        if (PersonName.Broken(Persons[0]) is { } rule)
            return $"names a person whose name {rule}";
        if (commonName != Persons[0])
            return $"names the person {Persons[0]}, and another as its common name";
        if (Roles.Count != 1 || !OfPeople.Contains(Roles[0]))
            return "is a person's, and must have exactly one role of admin, operator and viewer";
        if (others)
            return "is a person's, and may carry no names but overture://";
        return Scope.IsLimited && Roles[0] == Role.Viewer
            ? "has a scope for the role viewer: a scope limits changes, not what is read" : null;
    }

    // .NET's own reader of the extension gives DNS and IP names only. uniformResourceIdentifier is [6] IA5String (RFC 5280 §4.2.1.6).
    private void Read(byte[] extension)
    {
        try
        {
            var whole = new AsnReader(extension, AsnEncodingRules.DER);
            var names = whole.ReadSequence();
            whole.ThrowIfNotEmpty();
            var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
            while (names.HasData)
            {
                if (names.PeekTag().HasSameClassAndValue(uri))
                    Take(names.ReadCharacterString(UniversalTagNumber.IA5String, uri));
                else
                    others |= names.ReadEncodedValue().Length > 0;
            }
        }
        catch (AsnContentException)
        {
            problem = "has subject alternative names that are not DER";
        }
    }

    private void Take(string uri)
    {
        if (uri.StartsWith(RolePrefix, StringComparison.Ordinal) && RoleNames.TryParse(uri[RolePrefix.Length..], out var role))
            Roles.Add(role);
        else if (uri.StartsWith(PersonPrefix, StringComparison.Ordinal))
            Persons.Add(uri[PersonPrefix.Length..]);
        else if (uri.StartsWith(ScopePrefix, StringComparison.Ordinal))
            terms.Add(uri[ScopePrefix.Length..]);
        else if (uri.TrimStart().StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            problem ??= $"carries a name of a form that is not known here: {Printable(uri)}";
        else
            others = true;
    }

    private static string Printable(string text) => new([.. text.Take(100).Select(c => c is >= ' ' and <= '~' ? c : '?')]);
}
