using System.Text.RegularExpressions;
using Overture.Conductor.Instances;

namespace Overture.Conductor.Console;

/// <summary>What a line of a console means.</summary>
/// <param name="Code">For programs (docs/causes.md).</param>
/// <param name="Means">A clause: "cloud-init is switched off in the image".</param>
/// <param name="Line">That shows it; empty: that there is no line of a kind does.</param>
/// <param name="Next">What to do: a clause.</param>
internal sealed record ConsoleFinding(string Code, string Means, string Line, string Next);

/// <summary>
/// What a console shows of a stalled boot: its last 256 KiB are searched for known lines. What stopped the system comes
/// first, then why a step of cloud-init or Puppet failed, then that one did, then what may have passed by itself; of equals the last
/// line. Pure.
/// </summary>
internal static partial class ConsoleFindings
{
    private const int MaxText = 256 * 1024, MaxLine = 200, MaxMasked = 2048, MaxFound = 3;
    private const string AgentLine = "overture: agent: ", AgentNotInstalled = "AGENT_NOT_INSTALLED", Packages = "PACKAGES",
        PackageUnknown = "PACKAGE_UNKNOWN";

    private enum Rank
    {
        /// <summary>The system went no further.</summary>
        Stopped,

        /// <summary>A package could not be had, and the lines that say so follow from this one; without such a line it passed.</summary>
        Source,

        /// <summary>A step failed, and the line says why.</summary>
        Cause,

        /// <summary>A stage failed, and other lines say why.</summary>
        Stage,

        /// <summary>It may have been over a moment later.</summary>
        Passing,
    }

    /// <param name="Rank">The first one is said first.</param>
    /// <param name="Code">For programs (docs/causes.md).</param>
    /// <param name="Marks">Any of them: pieces of a line in their order, with * between; upper and lower case are the same.</param>
    /// <param name="Means">One sentence's beginning: what it means.</param>
    /// <param name="Next">What to do.</param>
    private sealed record Sign(Rank Rank, string Code, string[] Marks, string Means, string Next)
    {
        /// <summary>Marks that a healthy system prints too: they count where the line says that one of ours said it.</summary>
        public string[] Loose { get; init; } = [];

        public bool IsOn(string line) => Marks.Any(m => LineMark.IsIn(line, m))
            || (Loose.Any(m => LineMark.IsIn(line, m)) && Speaker().IsMatch(line));
    }

    private static readonly Sign[] Signs =
    [
        new(Rank.Stopped, "KERNEL_STOPPED", ["Kernel panic - not syncing", "end Kernel panic", "Unable to mount root fs"],
            "the kernel stopped", "check that image, architecture and root device match"),
        new(Rank.Stopped, "EMERGENCY_MODE",
            ["You are in emergency mode", "Entering emergency mode", "Entering rescue mode", "Give root password for maintenance",
            "Reached target*Emergency Mode", "dracut*emergency shell", "(initramfs)"],
            "the system stopped in emergency mode, usually over a file system that it could not mount",
            "correct the mounts of the image or of the cloud-config (mounts, fs_setup)"),
        new(Rank.Stopped, "OUT_OF_MEMORY", ["Out of memory: Kill", "invoked oom-killer", "oom-kill:"],
            "memory ran out and the kernel killed processes", "choose an instance type with more memory"),
        new(Rank.Passing, "DISK_FULL", ["No space left on device", "Disk quota exceeded"], "a disk is full",
            "give the instance a larger disk, or the image less"),
        new(Rank.Stage, AgentNotInstalled, ["overture: agent: failed:"], "the Puppet agent could not be installed or started",
            "follow that line: correct puppet.agent of the launch, or use an image that has an agent"),
        new(Rank.Passing, "RUNCMD_SKIPPED", ["overture: agent: note: cloud-init has ended"],
            "cloud-init ended without running user data's commands",
            "look for vendor data, or a setting of the image, that empties its module lists (cloud_final_modules)"),
        new(Rank.Cause, "TOKEN_NOT_WRITTEN",
            ["overture: /*csr_attributes.yaml could not be written", "overture: /*overture/agent could not be written"],
            "the agent's secret could not be written",
            "see the lines before it: a full or a read-only disk"),
        new(Rank.Cause, "CLOUD_INIT_OFF",
            ["Cloud-init*disabled by", "cloud-init is disabled", "cloud-init-generator*disabled"],
            "cloud-init is switched off in the image",
            "remove /etc/cloud/cloud-init.disabled from the image, or cloud-init=disabled from its kernel's command line"),
        new(Rank.Cause, "DATASOURCE_MISSING",
            ["Datasource DataSourceNone", "No instance datasource found", "no datasource found", "Used fallback datasource",
            "did not find any data source"],
            "cloud-init found no source of user data",
            "check that the instance reaches its metadata address, and that the image's datasource_list names this cloud"),
        new(Rank.Cause, "USER_DATA_ENCODED_TWICE",
            ["Unhandled non-multipart*userdata: *I2Nsb3VkLWNvbmZpZ", "Unhandled non-multipart*userdata: *Q29udGVudC1UeXBlOiBtdWx0aXBhcn",
            "Unhandled non-multipart*userdata: *IyEvYmluL"],
            "user data was encoded twice: cloud-init read Base64 in the place of a document, and ignored all of it",
            "pass user data on as Overture gives it: what launched this instance, or a proxy before the cloud, encoded it once more"),
        new(Rank.Cause, "USER_DATA_PACKED_AND_ENCODED_TWICE", ["Unhandled non-multipart*userdata: *H4sI"],
            "user data was compressed and then encoded twice: cloud-init read Base64 in the place of a document, and ignored all of it",
            "pass user data on as Overture gives it: what launched this instance, or a proxy before the cloud, encoded it once more"),
        new(Rank.Cause, "CLOUD_NOT_RECOGNIZED",
            ["ds-identify*no datasource", "cloud-init-generator*no datasource", "cloud-init.target*skipped because of an unmet condition",
            "cloud-init*ConditionPathExists=!/etc/cloud/cloud-init.disabled was not met"],
            "the image's cloud-init found no cloud that it knows and did not start",
            "put Ec2 into the image's datasource_list (/etc/cloud/cloud.cfg.d), with strict_id: false where the cloud only looks like EC2"),
        new(Rank.Cause, "CLOUD_NOT_TAKEN_FOR_EC2",
            ["DataSourceEc2*strict_id", "DataSourceEc2*not on a EC2 platform", "strict_id*true*platform*Unknown"],
            "the image's cloud-init does not take this cloud for EC2",
            "set datasource: {Ec2: {strict_id: false}} in the image (/etc/cloud/cloud.cfg.d): the cloud only looks like EC2"),
        new(Rank.Cause, "USER_DATA_UNKNOWN_TYPE", ["Unhandled non-multipart"],
            "cloud-init got user data of an unknown type and ignored all of it",
            "pass user data on unchanged: something altered it on the way, or encoded or compressed it again"),
        new(Rank.Cause, "USER_DATA_UNREADABLE",
            ["Failed loading yaml blob", "Failed at merging in cloud config", "Invalid cloud-config provided"],
            "cloud-init could not read the cloud-config",
            "check that nothing alters user data on its way"),
        new(Rank.Cause, "MODULE_LISTS_EMPTY",
            ["No 'init' modules to run", "No 'config' modules to run", "No 'final' modules to run"],
            "the image's cloud-init runs no modules in one stage; Puppet and the user's commands run in the final one",
            "give the image cloud-init's own lists (cloud_init_modules, cloud_config_modules, cloud_final_modules in /etc/cloud)"),
        new(Rank.Cause, "AGENT_DISABLED", ["administratively disabled"], "the agent is disabled in the image",
            "make the image without agent_disabled.lock (puppet agent --enable)"),
        new(Rank.Cause, "AGENT_MASKED", ["puppet.service is masked", "puppet-agent.service is masked", "openvox-agent.service is masked"],
            "the agent's unit is masked in the image", "make the image without that: systemctl unmask puppet"),
        new(Rank.Cause, "CERTNAME_INVALID", ["Certificate names must be", "invalid certname"],
            "the agent's configuration gives it a name that is none",
            "let certname be as user data sets it: another section of puppet.conf, or the image, sets it otherwise"),
        new(Rank.Cause, "CERTIFICATE_FILES",
            ["Failed to parse CA certificates", "Failed to parse CRLs", "Failed to parse certificate", "Failed to load private key",
            "Could not parse PKey"],
            "a certificate, key or list of the instance is damaged", "make the image without what is in ssldir (/var/lib/puppet/ssl, "
            + "/etc/puppetlabs/puppet/ssl)") { Loose = ["nested asn1 error"] },
        new(Rank.Cause, "TLS_VERSION",
            ["alert protocol version", "alert handshake failure", "no protocols available", "no shared cipher",
            "wrong signature type", "dh key too small", "ca md too weak", "ee key too small", "legacy sigalg"],
            "agent and server agree on no TLS version, cipher or kind of key",
            "compare ssl-protocols and cipher-suites of the server with the image's OpenSSL and its crypto policy")
            { Loose = ["unsupported protocol"] },
        new(Rank.Cause, "SCRIPT_UNREADABLE", ["Missing #! in script", "bad interpreter", "\\r': command not found",
            "cannot execute: required file not found"],
            "a script of user data can't be run: it has no #! line, or line ends of Windows",
            "give each script a first line such as #!/bin/sh, and line ends of Unix"),
        new(Rank.Cause, "SCRIPTS_NOEXEC", ["cloud/instance/scripts/*Permission denied", "Permission denied*cloud/instance/scripts/"],
            "the image forbids to run what is below /var/lib/cloud", "mount /var without noexec, or let its SELinux policy allow it"),
        new(Rank.Cause, "ARCHITECTURE", ["does not match system (", "cannot execute binary file: Exec format error"],
            "a program or package is made for another processor",
            "choose image, packages and instance type of one architecture")
            { Loose = ["Exec format error", "cannot execute binary file"] },
        new(Rank.Cause, "LIBRARY_MISSING", ["error while loading shared libraries"],
            "a program lacks a library: it is made for another release of the system, or a package is missing",
            "install the package that has the library that the line names, or choose the agent for that release"),
        new(Rank.Source, "PACKAGE_LOCK", ["Could not get lock", "Unable to acquire the dpkg", "Waiting for cache lock",
            "Waiting for process with pid"],
            "packages could not be installed: another program held their lock",
            "switch off what updates the image at boot (unattended-upgrades, apt-daily, dnf-automatic), or wait for it in bootcmd"),
        new(Rank.Source, "REPOSITORY_TIME", ["is not valid yet (invalid for", "is expired (invalid since"],
            "packages could not be installed: by the instance's clock their source is of another time",
            "let the instance keep time (NTP); a source that is expired by a right clock has to be renewed where it is mirrored"),
        new(Rank.Source, "PACKAGES_BROKEN",
            ["dpkg was interrupted", "held broken packages", "Unmet dependencies", "nothing provides", "Hash Sum mismatch",
            "File has unexpected size", "conflicting requests"],
            "packages could not be installed: those of the image, or their source, do not fit together",
            "make the image anew from whole packages (dpkg --configure -a, apt-get -f install), and let its sources be of one release"),
        new(Rank.Passing, "PROXY",
            ["407 Proxy", "407 \"Proxy", "Proxy Authentication Required", "from proxy after CONNECT",
            "Unable to connect to*proxy", "Invalid response from proxy", "Could not resolve proxy"],
            "a proxy on the way refused or failed",
            "let the instance go past it (no_proxy), or have the proxy let it through") { Loose = ["Bad Gateway"] },
        new(Rank.Passing, "NAME_UNRESOLVED",
            ["Temporary failure resolving", "Temporary failure in name resolution", "Could not resolve host", "Name or service not known",
            "getaddrinfo:"],
            "names could not be resolved",
            "check that the subnet has a DNS server that resolves the package source, ca_server and server"),
        new(Rank.Source, "REPOSITORY_KEY",
            ["NO_PUBKEY", "is not signed", "signatures couldn't be verified", "signatures were invalid", "GPG check FAILED",
            "GPG signature verification", "the key of the packages could not be fetched"],
            "packages could not be installed: their source is not signed with the key that it should be",
            "give the key that signs the package source: puppet.agent.repository.key, or apt of the cloud-config"),
        new(Rank.Source, "REPOSITORY_UNREACHABLE",
            ["Some index files failed to download", "E: Failed to fetch", "Cannot download repomd.xml",
                "Failed to download metadata for repo", "No URLs in mirrorlist", "does not have a Release file"],
            "packages could not be installed: their source could not be reached",
            "check that the package source runs and that the subnet has a way to it, a proxy or a mirror (puppet.agent.repository)"),
        new(Rank.Cause, PackageUnknown,
            ["Unable to locate package", "has no installation candidate", "No package * available", "Unable to find a match:",
            "No match for argument:", "Version '*was not found"],
            "packages could not be installed: their sources have none of that name or version",
            "check name and version, and that the image's package sources have them; or use an image that has the agent"),
        new(Rank.Stage, Packages,
            ["Failed to install packages", "Failed to install the following packages",
            "Package update failed", "Running module package-update-upgrade-install*failed"],
            "packages could not be installed",
            "check that the image's package sources are reachable and have puppet-agent, or use an image that has it"),
        new(Rank.Cause, "COMMANDS_REFUSED", ["Failed to shellify"], "cloud-init refused runcmd or bootcmd, and ran none of its commands",
            "make each of its commands a text or a list of texts"),
        new(Rank.Cause, "CRL_EXPIRED", ["CRL has expired"], "a certificate revocation list is older than it may be",
            "overture health --service certauthority; and compare the instance's clock"),
        new(Rank.Cause, "CERTIFICATE_TIME", ["certificate has expired", "is not yet valid"],
            "a certificate is over, or not valid yet by the instance's clock",
            "compare the instance's clock with ours (NTP); else overture doctor shows which certificate is over"),
        new(Rank.Cause, "CERTIFICATE_NAME", ["does not match the server hostname", "hostname*does not match"],
            "a server's certificate does not have the name by which the agent calls it",
            "call it by a name that it has (ca_server, server), or give it that name (dns_alt_names)"),
        new(Rank.Cause, "CERTIFICATE_UNTRUSTED",
            ["certificate verify failed", "The certificate retrieved from the * does not match", "does not match its private key"],
            "the agent does not accept a certificate: CertAuthority's, or its own",
            "check that ca_server is Overture's CA and that the clocks agree; overture instance timeline shows the rest"),
        new(Rank.Cause, "REQUEST_REFUSED",
            ["Forbidden request", "Error 403 on server", "Failed to submit the CSR", "Server returned HTTP 403"],
            "the agent's certificate request was refused",
            "see why: overture instance timeline, or overture audit explain"),
        new(Rank.Passing, "CONNECTION_REFUSED", ["Connection refused"],
            "a server that it needs could not be reached: the connection was refused",
            "start it, check host and port that the line shows, and that security groups let it through"),
        new(Rank.Passing, "CONNECTION_RESET", ["unexpected eof while reading"],
            "a connection was cut off: by a firewall, a balancer, or a program that speaks no TLS",
            "look at what is between the instance and the address that the line shows, and that packets of full size get through")
            { Loose = ["Connection reset by peer", "end of file reached", "Broken pipe"] },
        new(Rank.Passing, "CONNECTION_TIMED_OUT", ["execution expired", "Connection timed out", "Timed out connecting", "Net::OpenTimeout",
            "Net::ReadTimeout", "Request to https://*timed out"],
            "a server that it needs could not be reached: it did not answer in time",
            "check that routes, firewalls and security groups let the instance reach the address that the line shows"),
        new(Rank.Passing, "WRONG_SERVER", ["wrong version number", "record layer failure", "unknown protocol",
            "Error 404 on server", "Not Found*puppet-ca", "CRL is missing from the server", "CA certificate is missing from the server"],
            "something else answers where CertAuthority or the puppetserver should",
            "check host and port that the line shows: ca_server, ca_port, server and serverport of the launch"),
        new(Rank.Passing, "NETWORK",
            ["Failed to open TCP connection to", "Connection to https://*failed", "No route to host", "Network is unreachable",
            "Timed out waiting for network", "Failed to start*Wait for Network"],
            "the network, or a server that it needs, could not be reached",
            "check that routes and security groups let it reach ca_server, server and the package source"),
        new(Rank.Stage, "AGENT_NOT_STARTED",
            ["Running module puppet*failed", "Failed to start puppet", "Failed to start*Puppet agent", "puppet.service: Failed",
            "puppet.service: Main process exited", "puppet*Start request repeated too quickly"],
            "Puppet could not be set up or started",
            "the lines before it say why; usually the package or its repository is missing"),
        new(Rank.Stage, "CLOUD_INIT_MODULE", ["Running module*failed"], "a module of cloud-init failed",
            "the lines before it say why"),
    ];

    private static readonly Sign NoCloudInit = new(Rank.Cause, "CLOUD_INIT_SILENT", [],
        "the part that is kept has no line from cloud-init: the image does not run it, or it prints elsewhere",
        "use an image with cloud-init, started at boot, that prints to the serial console");

    /// <summary>Every one, for the documentation.</summary>
    public static IEnumerable<(string Code, string Means)> All => Signs.Append(NoCloudInit).Select(s => (s.Code, s.Means));

    /// <summary>Sentences: the meaning, the line that shows it, and the next step. Empty: no known line.</summary>
    /// <param name="console">Its last 256 KiB count.</param>
    /// <param name="asked">The instance asked for its certificate: then user data was read.</param>
    public static string Of(string console, bool asked) => string.Join(' ', Find(console, asked)
        .Select(Shown).Select(f => $"{f.Message} Next: {f.Next}"));

    /// <summary>The first of them, for a condition; null: no known line.</summary>
    /// <param name="console">Its last 256 KiB count.</param>
    /// <param name="asked">The instance asked for its certificate: then user data was read.</param>
    public static ShownCause? First(string console, bool asked) => Find(console, asked).Select(Shown).FirstOrDefault();

    /// <summary>At most three, what explains most first.</summary>
    /// <param name="console">Its last 256 KiB count.</param>
    /// <param name="asked">The instance asked for its certificate: then user data was read.</param>
    public static IReadOnlyList<ConsoleFinding> Find(string console, bool asked)
    {
        var lines = console[^Math.Min(console.Length, MaxText)..].Split('\n').Select(Plain).Where(l => l.Length > 0).ToList();
        if (lines.Count == 0)
            return [];
        // A line has one meaning, but where it names a passing cause as well.
        var shown = Signs.Select(s => (Sign: s, At: lines.FindLastIndex(s.IsOn)))
            .Where(f => f.At >= 0).ToList();
        if (!shown.Exists(f => f.Sign.Code is AgentNotInstalled or Packages or PackageUnknown))
            shown.RemoveAll(f => f.Sign.Rank == Rank.Source);
        var found = shown
            .OrderBy(f => f.Sign.Rank).ThenByDescending(f => f.At)
            .DistinctBy(f => (f.At, f.Sign.Rank == Rank.Passing))
            .Take(MaxFound)
            .Select(f => new ConsoleFinding(f.Sign.Code, f.Sign.Means, Short(lines[f.At]), f.Sign.Next)).ToList();
        if (found.Count == 0 && !asked && !lines.Exists(l => LineMark.IsIn(l, "cloud-init") || LineMark.IsIn(l, "ci-info:")))
            found.Add(new ConsoleFinding(NoCloudInit.Code, NoCloudInit.Means, "", NoCloudInit.Next));
        return found;
    }

    private static ShownCause Shown(ConsoleFinding found) => new(found.Code, found.Means, found.Line, $"{found.Next}.");

    /// <summary>
    /// A sentence on the agent that the instance decided for at boot (docs/cloud-init.md), by the last such line; empty: there is none.
    /// </summary>
    /// <param name="console">Its last 256 KiB count.</param>
    public static string AgentOf(string console)
    {
        var line = console[^Math.Min(console.Length, MaxText)..].Split('\n').Select(Plain)
            .Select(l => l.IndexOf(AgentLine, StringComparison.Ordinal) is var at and >= 0 ? l[(at + AgentLine.Length)..] : "")
            .LastOrDefault(l => Decision().IsMatch(l));
        return line is null ? "" : $"Its agent: {Short(line)}.";
    }

    /// <summary>A line without what a terminal would act on.</summary>
    public static string Plain(string line) =>
        string.Concat(Sequences().Replace(line, "").Where(c => !char.IsControl(c) && !char.IsSurrogate(c))).Trim();

    // Shown to whoever may see the instance, while a console is for those who may operate it: what looks like a secret is masked.
    private static string Short(string line)
    {
        var masked = Masked(line.Length <= MaxMasked ? line : line[..MaxMasked]);
        return masked.Length <= MaxLine ? masked : masked[..MaxLine] + "…";
    }

    /// <summary>Without what looks like a secret.</summary>
    public static string Masked(string line) =>
        Secrets().Replace(line, m => $"{m.Groups["keep"].Value}********{m.Groups["end"].Value}");

    // Puppet's, cloud-init's and its scripts', package managers' and their helpers' lines, by a name (not that of a unit such as
    // apt-daily.service) or by how they begin or end.
    [GeneratedRegex(@"\b(?:puppet|openvox)|\b(?:cloud-init|apt|apt-get|dpkg|dnf|yum|rpm|curl|wget)(?:[^\w-]|\z)|overture:|/var/lib/cloud/"
        + @"|\[IP: |\[Errno |\A(?:E|W|Err:[0-9]+|Error|Warning|Notice): ",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.NonBacktracking)]
    private static partial Regex Speaker();

    // The user part of a URL, and what follows a word such as password.
    [GeneratedRegex(@"(?<keep>://)[^/\s@]+(?<end>@)|(?<keep>(?:token|passw(?:or)?d|secret|api[_-]?key|credential)[\w-]*[""']?\s*[=:]\s*)\S+",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Secrets();

    // agent.sh's: name, version, program, and how it came there.
    [GeneratedRegex(@"\A(openvox|puppet) [^ ]{1,64} \(/[^ ()]{1,128}\), (found in the image|installed from .{1,300})\z",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Decision();

    // Colors and cursor movements (ECMA-48 CSI).
    [GeneratedRegex(@"\u001b\[[0-?]*[ -/]*[@-~]", RegexOptions.CultureInvariant)]
    private static partial Regex Sequences();
}
