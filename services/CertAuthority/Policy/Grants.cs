using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>Where a grant comes from (<c>Grant.source</c>), and which extensions it may put into a certificate.</summary>
internal static class Grants
{
    public const string Launch = "launch", Import = "import", Predecessor = "predecessor", Own = "self";

    public static string Approval(string caller) => $"approval by {caller}";

    public static string Admin(string caller) => $"{AdminPrefix}{caller}";

    public static bool IsAdmin(string source) => source.StartsWith(AdminPrefix, StringComparison.Ordinal);

    /// <summary>The registered and the private arc; of the authorization arc pp_cli_auth alone, in an administrator's grant.</summary>
    public static bool MayCarry(Grant grant, string oid) => PuppetExtensions.OidOf(oid) == oid || (oid == PuppetExtensions.CliAuth && IsAdmin(grant.Source));

    private const string AdminPrefix = "admin by ";
}
