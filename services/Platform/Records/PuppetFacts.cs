using System.Text.RegularExpressions;

namespace Overture.Platform.Records;

/// <summary>
/// Names of top-scope variables that every agent or server sets: Facter 4's core facts, legacy ones too, and Puppet's own. A node's
/// parameter of such a name wins over it, with a warning in the server's log at each run, while $facts keeps the node's own value (measured
/// with Puppet 7.23).
/// </summary>
public static partial class PuppetFacts
{
    private static readonly HashSet<string> Facts = new(
        """
        aio_agent_version architecture augeas augeasversion az_metadata bios_release_date bios_vendor bios_version blockdevices
        boardassettag boardmanufacturer boardproductname boardserialnumber chassisassettag chassistype cloud dhcp_servers disks dmi domain
        ec2_metadata ec2_userdata env_windows_installdir facterversion filesystems fips_enabled fqdn gce gid hardwareisa hardwaremodel
        hostname hypervisors id identity interfaces ipaddress ipaddress6 is_virtual kernel kernelmajversion kernelrelease kernelversion ldom
        load_averages lsbdistcodename lsbdistdescription lsbdistid lsbdistrelease lsbmajdistrelease lsbminordistrelease lsbrelease
        macaddress manufacturer memory memoryfree memoryfree_mb memorysize memorysize_mb mountpoints netmask netmask6 network network6
        networking nim_type operatingsystem operatingsystemmajrelease operatingsystemrelease os osfamily partitions path
        physicalprocessorcount processorcount processors productname ruby rubyplatform rubysitedir rubyversion scope6 selinux
        selinux_config_mode selinux_config_policy selinux_current_mode selinux_enforced selinux_policyversion serialnumber solaris_zones ssh
        sshdsakey sshecdsakey sshed25519key sshfp_dsa sshfp_ecdsa sshfp_ed25519 sshfp_rsa sshrsakey swapencrypted swapfree swapfree_mb
        swapsize swapsize_mb system32 system_profiler system_uptime timezone uptime uptime_days uptime_hours uptime_seconds uuid virtual
        windows_display_version windows_edition_id windows_installation_type windows_product_name windows_release_id xen xendomains
        zfs_featurenumbers zfs_version zonename zones zpool_featureflags zpool_version
        """.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal);

    private static readonly HashSet<string> Own = new(StringComparer.Ordinal)
    {
        "agent_specified_environment", "caller_module_name", "clientcert", "clientnoop", "clientversion", "pe_serverversion", "servername",
        "serverip", "serverip6", "serverversion",
    };

    /// <summary>Why a parameter of this name is doubtful; null: it is not.</summary>
    public static string? Rule(string variable) =>
        Facts.Contains(variable) || Numbered().IsMatch(variable)
            ? $"has the name of a fact: it hides the node's own value in ${variable}, while $facts['{variable}'] keeps it; "
                + "give it another name"
            : Own.Contains(variable)
                ? $"has the name of a variable that Puppet sets itself, and hides it in ${variable}; give it another name" : null;

    // One for each interface (their names end in numbers, but for lo), disk or processor.
    [GeneratedRegex(
        @"\A((ipaddress6?|netmask6?|network6?|scope6|macaddress|mtu)_(lo|[a-z]\w*\d\w*)"
            + @"|blockdevice_\w+_(model|size|vendor)|processor\d+)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Numbered();
}
