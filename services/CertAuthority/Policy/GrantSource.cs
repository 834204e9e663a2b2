using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>What a grant rests on.</summary>
internal enum GrantKind
{
    /// <summary>The record says nothing.</summary>
    None,
    Launch,
    /// <summary>A person's, of a held request.</summary>
    Approval,
    /// <summary>A certificate that was moved in.</summary>
    Import,
    /// <summary>The certificate that is renewed.</summary>
    Predecessor,
    /// <summary>An administrator's certificate; the only kind that may carry pp_cli_auth.</summary>
    Admin,
    /// <summary>The CA API's own certificate.</summary>
    Own,
    /// <summary>Of a later version, or of another writer.</summary>
    Unknown,
}

/// <summary>Where a grant comes from, as <c>Grant.source</c> spells it. A claim's seal is over that text, so its bytes stay.</summary>
/// <param name="GrantedBy">The person, where one granted it; else empty.</param>
internal readonly record struct GrantSource(GrantKind Kind, string GrantedBy = "")
{
    private const string ByAdmin = "admin by ", ByApproval = "approval by ";

    /// <summary>Any text: what is no source of ours is <see cref="GrantKind.Unknown"/>.</summary>
    public static GrantSource Parse(string text) => text switch
    {
        "" => new(GrantKind.None),
        "launch" => new(GrantKind.Launch),
        "import" => new(GrantKind.Import),
        "predecessor" => new(GrantKind.Predecessor),
        "self" => new(GrantKind.Own),
        _ when text.StartsWith(ByAdmin, StringComparison.Ordinal) => new(GrantKind.Admin, text[ByAdmin.Length..]),
        _ when text.StartsWith(ByApproval, StringComparison.Ordinal) => new(GrantKind.Approval, text[ByApproval.Length..]),
        _ => new(GrantKind.Unknown),
    };

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => Kind switch
    {
        GrantKind.None => "",
        GrantKind.Launch => "launch",
        GrantKind.Import => "import",
        GrantKind.Predecessor => "predecessor",
        GrantKind.Own => "self",
        GrantKind.Admin => ByAdmin + GrantedBy,
        GrantKind.Approval => ByApproval + GrantedBy,
        _ => throw new InvalidOperationException("an unknown source has no spelling"),
    };
}

/// <summary>What a record's grant says of itself.</summary>
internal static class Grants
{
    /// <summary>Of a missing grant: <see cref="GrantKind.None"/>.</summary>
    public static GrantKind Kind(this Grant? grant) => GrantSource.Parse(grant?.Source ?? "").Kind;

    /// <summary>The registered and the private arc; of the authorization arc pp_cli_auth alone, in an administrator's grant.</summary>
    public static bool MayCarry(this Grant grant, string oid) =>
        PuppetExtensions.OidOf(oid) == oid || (oid == PuppetExtensions.CliAuth && grant.Kind() == GrantKind.Admin);
}
