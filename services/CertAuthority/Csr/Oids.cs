namespace Overture.CertAuthority.Csr;

/// <summary>Object identifiers by name.</summary>
internal static class Oids
{
    public const string CommonName = "2.5.4.3";
    public const string ExtensionRequest = "1.2.840.113549.1.9.14";
    public const string ChallengePassword = "1.2.840.113549.1.9.7";
    /// <summary>pp_auth_auto_renew, an attribute (never an extension) of Puppet 8 agents.</summary>
    public const string AutoRenew = "1.3.6.1.4.1.34380.1.3.2";

    public const string SubjectAltName = "2.5.29.17";
    public const string BasicConstraints = "2.5.29.19";
    public const string KeyUsage = "2.5.29.15";
    public const string ExtendedKeyUsage = "2.5.29.37";
    public const string SubjectKeyIdentifier = "2.5.29.14";
    public const string AuthorityKeyIdentifier = "2.5.29.35";
    public const string NetscapeComment = "2.16.840.1.113730.1.13";
    public const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    public const string RsaKey = "1.2.840.113549.1.1.1";
    public const string EcKey = "1.2.840.10045.2.1";
    public const string P256 = "1.2.840.10045.3.1.7";
    public const string P384 = "1.3.132.0.34";
    public const string Sha256Rsa = "1.2.840.113549.1.1.11";
    public const string Sha384Rsa = "1.2.840.113549.1.1.12";
    public const string Sha512Rsa = "1.2.840.113549.1.1.13";
    public const string Sha256Ecdsa = "1.2.840.10045.4.3.2";
    public const string Sha384Ecdsa = "1.2.840.10045.4.3.3";
    public const string Sha512Ecdsa = "1.2.840.10045.4.3.4";
}

/// <summary>Puppet's own extensions: three arcs, and short names for some of them.</summary>
internal static class PuppetExtensions
{
    public const string Registered = "1.3.6.1.4.1.34380.1.1.";
    public const string Private = "1.3.6.1.4.1.34380.1.2.";
    public const string Authorization = "1.3.6.1.4.1.34380.1.3.";

    // puppet-contracts §3.1, in the order of their last number, from 1
    private static readonly string[] ShortNames =
    [
        "pp_uuid", "pp_instance_id", "pp_image_name", "pp_preshared_key", "pp_cost_center", "pp_product", "pp_project", "pp_application",
        "pp_service", "pp_employee", "pp_created_by", "pp_environment", "pp_role", "pp_software_version", "pp_department", "pp_cluster",
        "pp_provisioner", "pp_region", "pp_datacenter", "pp_zone", "pp_network", "pp_securitypolicy", "pp_cloudplatform", "pp_apptier",
        "pp_hostname", "pp_owner",
    ];

    /// <summary>Whether a certificate may carry it at all: the registered and the private arc, never the authorization arc.</summary>
    public static bool MayBeGranted(string oid) =>
        oid.StartsWith(Registered, StringComparison.Ordinal) || oid.StartsWith(Private, StringComparison.Ordinal);

    /// <summary>The dotted OID of a short name; anything else is taken for an OID already.</summary>
    public static string OidOf(string nameOrOid)
    {
        var index = Array.IndexOf(ShortNames, nameOrOid);
        return index < 0 ? nameOrOid : $"{Registered}{index + 1}";
    }

    /// <summary>The short name if it has one, else the OID: for messages.</summary>
    public static string NameOf(string oid) =>
        oid.StartsWith(Registered, StringComparison.Ordinal) && int.TryParse(oid.AsSpan(Registered.Length), out var n) && n >= 1 && n <= ShortNames.Length
            ? ShortNames[n - 1]
            : oid;
}
