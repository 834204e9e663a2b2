using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Tls;

/// <summary>
/// The identity provider (OpenID Connect) whose people may act by a console, and what they may do. Each service has these options of its
/// own: what a console says of a person counts nowhere (docs/decisions/0017-openid-connect.md).
/// </summary>
public record IdentityProviderOptions
{
    /// <summary>Its URL, byte for byte as its tokens have it. Empty: no one comes in by a provider.</summary>
    public string Issuer { get; init; } = "";

    /// <summary>The client that the console is there; the audience of its tokens.</summary>
    public string ClientId { get; init; } = "";

    /// <summary>PEM file of the CAs to trust for the issuer's own TLS; empty: the system's.</summary>
    public string Roots { get; init; } = "";

    /// <summary>Claim of the ID token with the person's groups.</summary>
    public string GroupsClaim { get; init; } = "groups";

    /// <summary>Claim with the name that records show before the subject.</summary>
    public string NameClaim { get; init; } = "preferred_username";

    /// <summary>From the issue of a token on, however long it lasts by itself. 1m to 8h.</summary>
    public TimeSpan SessionLimit { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// File of subjects who may not act, one a line, as the provider has them or as records write them; read again when it changes. While
    /// it can't be read, none may.
    /// </summary>
    public string Barred { get; init; } = "";

    /// <summary>What a group grants. Of a person in several groups, the first by the grant's name counts.</summary>
    public IReadOnlyDictionary<string, GroupGrant> Grants { get; init; } = new Dictionary<string, GroupGrant>();

    public bool IsOn => Issuer.Length > 0;

    /// <param name="at">Of the option file, for errors.</param>
    public IEnumerable<FieldProblem> Problems(string at)
    {
        if (!IsOn)
            yield break;
        if (!Uri.TryCreate(Issuer, UriKind.Absolute, out var issuer) || issuer.Scheme != Uri.UriSchemeHttps || issuer.Query.Length > 0
            || issuer.Fragment.Length > 0 || issuer.UserInfo.Length > 0)
        {
            yield return new($"{at}.issuer", "must be https://HOST[:PORT][/PATH], as the provider's tokens have it");
        }
        if (ClientId.Length is 0 or > 200)
            yield return new($"{at}.clientId", "must be 1-200 characters");
        if (Roots.Length > 0 && OptionRules.FileProblem(Roots) is { } noRoots)
            yield return new($"{at}.roots", noRoots);
        if (Barred.Length > 0 && OptionRules.FileProblem(Barred) is { } noBarred)
            yield return new($"{at}.barred", noBarred);
        if (GroupsClaim.Length == 0)
            yield return new($"{at}.groupsClaim", "must be set");
        if (SessionLimit < TimeSpan.FromMinutes(1) || SessionLimit > DelegationStatement.Longest)
            yield return new($"{at}.sessionLimit", "must be 1m to 8h");
        if (Grants.Count == 0)
            yield return new($"{at}.grants", "must name at least one group, or no one can come in");
        foreach (var problem in Grants.SelectMany(g => g.Value.Problems($"{at}.grants.{g.Key}")))
            yield return problem;
    }
}

/// <summary>What the people of one group may do.</summary>
public sealed record GroupGrant
{
    /// <summary>As the provider writes it.</summary>
    public string Group { get; init; } = "";

    /// <summary>admin, operator or viewer.</summary>
    public string Role { get; init; } = "";

    /// <summary>Terms, as of `overture pki issue --scope`; none: no limit.</summary>
    public IReadOnlyList<string> Scope { get; init; } = [];

    internal IEnumerable<FieldProblem> Problems(string at)
    {
        if (Group.Length == 0)
            yield return new($"{at}.group", "must be a group of the provider");
        if (Role is not ("admin" or "operator" or "viewer"))
            yield return new($"{at}.role", "must be admin, operator or viewer");
        Tls.Scope.Parse(Scope, out var rule);
        if (rule is not null)
            yield return new($"{at}.scope", rule);
        if (Role == "viewer" && Scope.Count > 0)
            yield return new($"{at}.scope", "limits changes, not what is read: a viewer has none");
    }
}
