using System.Text.RegularExpressions;

namespace Overture.Conductor.Launch;

/// <summary>
/// Which certificate extensions a launch may grant: Puppet's registered short names, or OIDs of its registered (…1.1) and private (…1.2) arcs.
/// Never the authorization arc (…1.3): pp_cli_auth there makes its holder the CA's administrator (puppet-contracts §3.1).
/// </summary>
internal static partial class PuppetExtensions
{
    private const string Registered = "1.3.6.1.4.1.34380.1.1.";

    private static readonly string[] ShortNames =
    [
        "pp_uuid", "pp_instance_id", "pp_image_name", "pp_preshared_key", "pp_cost_center", "pp_product", "pp_project", "pp_application",
        "pp_service", "pp_employee", "pp_created_by", "pp_environment", "pp_role", "pp_software_version", "pp_department", "pp_cluster",
        "pp_provisioner", "pp_region", "pp_datacenter", "pp_zone", "pp_network", "pp_securitypolicy", "pp_cloudplatform", "pp_apptier",
        "pp_hostname", "pp_owner",
    ];

    /// <summary>The dotted OID of a short name or OID that may be granted, or null.</summary>
    public static string? OidOf(string name)
    {
        var index = Array.IndexOf(ShortNames, name);
        if (index >= 0)
            return $"{Registered}{index + 1}";
        return Grantable().IsMatch(name) ? name : null;
    }

    [GeneratedRegex(@"\A1\.3\.6\.1\.4\.1\.34380\.1\.[12](\.(0|[1-9][0-9]{0,8})){1,8}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Grantable();
}
