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

    /// <summary>Acts for people who delegate to it, and may call nothing by itself.</summary>
    Console,
}

/// <summary>
/// Who calls, by TLS alone; never by a header, except what a console brings
/// that the person's key or the identity provider signed (Rpc/ConsoleCallers.cs). A person's certificate carries the URI SANs
/// overture://person/&lt;name&gt;, one role of admin, operator and viewer, and maybe overture://scope/&lt;term&gt;
/// (docs/decisions/0012-people.md).
/// </summary>
/// <param name="Name">Common name of the certificate, [a-z0-9.-] ("admin"); of a person, the person's.</param>
/// <param name="Roles">Its roles.</param>
public sealed record PeerIdentity(string Name, IReadOnlySet<Role> Roles)
{
    private static readonly System.Buffers.SearchValues<char> NameCharacters = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789.-");

    /// <summary>It is one person's, not a certificate that many share.</summary>
    public bool IsPerson { get; init; }

    /// <summary>Which instances it may change.</summary>
    public Scope Scope { get; init; } = Scope.Everything;

    /// <summary>It may launch instances, and let differences from the cloud be repaired.</summary>
    public bool MayLaunch => Roles.Overlaps([Role.Operator, Role.Admin]);

    /// <summary>Why its names grant nothing, as the rest of a sentence that begins with the certificate; empty: they are good.</summary>
    public string Problem { get; init; } = "";

    /// <summary>What it acts by way of: "by console"; empty: it calls by itself.</summary>
    public string Through { get; init; } = "";

    /// <summary>
    /// As records, timelines and the audit log say it: "jo (operator)", "jo (operator), by console"; of a shared certificate its name,
    /// "operator", "operator (by console)". What is before the bracket is who, whatever the way (ObjectKeys.Request).
    /// </summary>
    public string Caller => (IsPerson, Through.Length > 0) switch
    {
        (true, false) => $"{Name} ({RoleNames.Of(Roles.Single())})",
        (true, true) => $"{Name} ({RoleNames.Of(Roles.Single())}), {Through}",
        (false, false) => Name,
        (false, true) => $"{Name} ({Through})",
    };

    /// <summary>The URI SANs of a person's certificate.</summary>
    public static IEnumerable<Uri> UrisOf(string person, Role role, Scope scope) =>
        [
            new(PeerClaims.RolePrefix + RoleNames.Of(role)), new(PeerClaims.PersonPrefix + person),
            .. scope.Terms.Select(t => new Uri(PeerClaims.ScopePrefix + t)),
        ];

    /// <summary>Names that can't be read, or contradict each other, grant nothing.</summary>
    public static PeerIdentity Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var commonName = certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        var plain = commonName.Length is > 0 and <= 64 && !commonName.AsSpan().ContainsAnyExcept(NameCharacters);
        var name = plain ? commonName : "unnamed";
        var claims = PeerClaims.Of(certificate);
        return claims.ProblemUnder(commonName) is { } problem
            ? new PeerIdentity(name, new HashSet<Role>()) { Problem = problem }
            : new PeerIdentity(name, claims.Roles.ToHashSet()) { IsPerson = claims.Persons.Count == 1, Scope = claims.Scope };
    }
}

/// <summary>The one spelling of a role in certificates, records and messages: lower case.</summary>
public static class RoleNames
{
    private static readonly Dictionary<string, Role> Roles = Enum.GetValues<Role>().ToDictionary(Of, r => r);

    public static string Of(Role role) => role.ToString().ToLowerInvariant();

    /// <returns>False: there is no such role; "Admin" is none.</returns>
    public static bool TryParse(string text, out Role role) => Roles.TryGetValue(text, out role);
}
