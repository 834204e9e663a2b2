using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>Whose CA signs.</summary>
internal static class Issuers
{
    public const string Own = "overture";
    /// <summary>puppetserver's; we only decide.</summary>
    public const string Stock = "stock";
    /// <summary>Signed before it was moved in (`overture ca import`); there is nothing to sign it from.</summary>
    public const string Import = "import";

    /// <summary>Whether the CA that is asked is the one that holds the claim.</summary>
    public static bool Serves(string issuer, Claim claim) => claim.Issuer == issuer || (issuer == Own && claim.Issuer == Import);
}
