using System.Text.RegularExpressions;

namespace Overture.Platform.Records;

/// <summary>
/// Puppet's own certificate extensions (docs/puppet-contracts.md §3.1). A launch may grant those of the registered (…1.1) and the private
/// arc (…1.2); never the authorization arc (…1.3): pp_cli_auth there makes its holder the CA's administrator. The Conductor checks a grant
/// by these rules and CertAuthority issues by them.
/// </summary>
public static partial class PuppetExtensions
{
    private const string Registered = "1.3.6.1.4.1.34380.1.1.";

    // in the order of their last number, from 1
    private static readonly string[] ShortNames =
    [
        "pp_uuid", "pp_instance_id", "pp_image_name", "pp_preshared_key", "pp_cost_center", "pp_product", "pp_project", "pp_application",
        "pp_service", "pp_employee", "pp_created_by", "pp_environment", "pp_role", "pp_software_version", "pp_department", "pp_cluster",
        "pp_provisioner", "pp_region", "pp_datacenter", "pp_zone", "pp_network", "pp_securitypolicy", "pp_cloudplatform", "pp_apptier",
        "pp_hostname", "pp_owner",
    ];

    /// <summary>The dotted OID of a short name or OID that may be granted, or null.</summary>
    public static string? OidOf(string nameOrOid)
    {
        var index = Array.IndexOf(ShortNames, nameOrOid);
        if (index >= 0)
            return $"{Registered}{index + 1}";
        return Grantable().IsMatch(nameOrOid) ? nameOrOid : null;
    }

    /// <summary>pp_cli_auth: its holder is root on the CA API.</summary>
    public const string CliAuth = "1.3.6.1.4.1.34380.1.3.39";

    /// <summary>The short name if it has one, else the OID: for messages.</summary>
    public static string NameOf(string oid) => oid switch
    {
        CliAuth => "pp_cli_auth",
        "1.3.6.1.4.1.34380.1.3.1" => "pp_authorization",
        "1.3.6.1.4.1.34380.1.3.13" => "pp_auth_role",
        _ when oid.StartsWith(Registered, StringComparison.Ordinal) && int.TryParse(oid.AsSpan(Registered.Length), out var n) && n >= 1
            && n <= ShortNames.Length => ShortNames[n - 1],
        _ => oid,
    };

    [GeneratedRegex(@"\A1\.3\.6\.1\.4\.1\.34380\.1\.[12](\.(0|[1-9][0-9]{0,8})){1,8}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Grantable();
}
