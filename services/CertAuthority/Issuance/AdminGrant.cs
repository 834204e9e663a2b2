using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>Which extensions a grant may put into a certificate.</summary>
internal static class AdminGrant
{
    /// <summary>pp_cli_auth: its holder is root on the CA API.</summary>
    public const string CliAuth = "1.3.6.1.4.1.34380.1.3.39";

    /// <summary>The rest says who.</summary>
    public const string SourcePrefix = "admin by ";

    /// <summary>The registered and the private arc; of the authorization arc pp_cli_auth alone, in an administrator's grant.</summary>
    public static bool MayCarry(Grant grant, string oid) =>
        PuppetExtensions.OidOf(oid) == oid || (oid == CliAuth && grant.Source.StartsWith(SourcePrefix, StringComparison.Ordinal));
}
