using System.Text;
using System.Text.RegularExpressions;
using Overture.Conductor.V1;
using Overture.Platform.Faults;

namespace Overture.Conductor.Launch;

/// <summary>The rules of puppet.agent in a launch spec: values that go into a shell script and into puppet.conf. Pure.</summary>
internal static partial class AgentRules
{
    private const int MaxSettings = 100, MaxValue = 512, MaxKeyBytes = 8 * 1024;

    private const string Paths = "places files where the package, or Overture, does not look for them; leave it to the package",
        Certificates = "is part of how the instance gets its certificate, which Overture writes; leave it out",
        Server = "is set by puppet.server and puppet.serverport; use those",
        User = "would give the agent's private key to another user than root; leave it out",
        CaServer = "is set by puppet.ca_server and puppet.ca_port; use those";

    // Settings that Overture owns: why, and what to say instead.
    private static readonly Dictionary<string, string> Owned = new(StringComparer.Ordinal)
    {
        ["certname"] = "is chosen by Overture, one that can't be guessed; find instances by labels, and give a host that has a name of "
            + "its own to overture instance register --certname",
        ["node_name_value"] = "would give the node another name than its certificate; leave it out",
        ["node_name_fact"] = "would give the node another name than its certificate; leave it out",
        ["node_name"] = "would give the node another name than its certificate; leave it out",
        ["server"] = Server,
        ["server_list"] = Server,
        ["serverport"] = Server,
        ["masterport"] = Server,
        ["use_srv_records"] = Server,
        ["srv_domain"] = Server,
        ["ca_server"] = CaServer,
        ["ca_port"] = CaServer,
        ["report_server"] = "would keep reports from puppet.server, by which Overture learns that the instance converged; leave it out",
        ["report_port"] = "would keep reports from puppet.server, by which Overture learns that the instance converged; leave it out",
        ["environment"] = "is set by node.environment; use that",
        ["dns_alt_names"] = "is a grant of the launch: use dns_alt_names beside puppet",
        ["csr_attributes"] = "is written by Overture, with the one-time token; use extensions beside puppet",
        ["trusted_oid_mapping_file"] = "could give the certificate's extensions other names; use extensions beside puppet",
        ["key_type"] = "is set by puppet.agent.key_type; use that",
        ["runinterval"] = "is set by puppet.agent.runinterval; use that",
        ["splay"] = "is set by puppet.agent.splay; use that",
        ["splaylimit"] = "is set by puppet.agent.splay (a duration); use that",
        ["report"] = "is set by puppet.agent.report; use that",
        ["waitforcert"] = Certificates,
        ["maxwaitforcert"] = Certificates,
        ["ca_fingerprint"] = "is not needed: the CA itself is pinned; leave it out",
        ["ca_name"] = Certificates,
        ["ssl_client_ca_auth"] = "would have the agent trust another CA than the pinned one; leave it out",
        ["ssl_server_ca_auth"] = "would have the agent trust another CA than the pinned one; leave it out",
        ["manage_internal_file_permissions"] = "keeps the agent's private key root's alone; leave it out",
        ["user"] = User,
        ["group"] = User,
        ["mkusers"] = User,
        ["daemonize"] = "is decided by the system's service; leave it out",
        ["onetime"] = "would end the agent after one run; leave it out",
        ["config"] = Paths,
        ["config_file_name"] = Paths,
        ["confdir"] = Paths,
        ["vardir"] = Paths,
        ["ssldir"] = Paths,
        ["certdir"] = Paths,
        ["privatedir"] = Paths,
        ["privatekeydir"] = Paths,
        ["publickeydir"] = Paths,
        ["requestdir"] = Paths,
        ["hostcert"] = Paths,
        ["hostcrl"] = Paths,
        ["hostcsr"] = Paths,
        ["hostprivkey"] = Paths,
        ["hostpubkey"] = Paths,
        ["localcacert"] = Paths,
        ["passfile"] = Paths,
        ["pidfile"] = Paths,
        ["rundir"] = Paths,
    };

    /// <summary>Fills in defaults.</summary>
    /// <returns>Every rule that is broken; fields as in LaunchSpec.</returns>
    public static IEnumerable<FieldProblem> Check(PuppetSettings puppet)
    {
        var agent = puppet.Agent ??= new PuppetAgent();
        if (agent.Flavour == AgentFlavour.Unspecified)
            agent.Flavour = AgentFlavour.Auto;
        if (agent.KeyType == AgentKeyType.Unspecified)
            agent.KeyType = AgentKeyType.Rsa;
        return Own(agent).Concat(OfRepository(agent)).Concat(OfSettings(agent.Settings ?? new AgentSettings()))
            .Select(p => p with { Field = $"puppet.agent.{p.Field}" });
    }

    private static IEnumerable<FieldProblem> Own(PuppetAgent agent)
    {
        if (!Enum.IsDefined(agent.Flavour))
            yield return new("flavour", "must be auto, distribution, openvox8, openvox9, puppet8, puppet7 or installed");
        if (!Enum.IsDefined(agent.KeyType))
            yield return new("key_type", "must be rsa or ec");
        if (agent.Version.Length > 0)
        {
            if (!VersionText().IsMatch(agent.Version))
            {
                yield return new("version", "must be a version of the package, 1-64 of [A-Za-z0-9.+~-], a digit first: 8.21.1");
            }
            else if (agent.Flavour is AgentFlavour.Auto or AgentFlavour.Installed)
            {
                yield return new("version",
                    "needs a flavour that says whose version it is: distribution, openvox8, openvox9, puppet8 or puppet7");
            }
            else if (Major(agent.Flavour) is { } major && agent.Version != major
                && !agent.Version.StartsWith(major + ".", StringComparison.Ordinal))
            {
                yield return new("version", $"must be {major} or begin with \"{major}.\", as the flavour does");
            }
        }
        if (agent.Runinterval.Length > 0 && !IsDuration(agent.Runinterval))
            yield return new("runinterval", "must be a duration of Puppet's, such as 30m: a whole number of s, m, h, d or y, 1 s or more");
        if (agent.Splay is not ("" or "true" or "false") && !IsDuration(agent.Splay))
            yield return new("splay", "must be true, false, or the longest wait as a duration of Puppet's, such as 10m");
    }

    private static string? Major(AgentFlavour flavour) => flavour switch
    {
        AgentFlavour.Openvox8 or AgentFlavour.Puppet8 => "8",
        AgentFlavour.Openvox9 => "9",
        AgentFlavour.Puppet7 => "7",
        _ => null,
    };

    private static IEnumerable<FieldProblem> OfRepository(PuppetAgent agent)
    {
        if (agent.Repository is not { } repository)
            yield break;
        if (agent.Flavour is AgentFlavour.Distribution or AgentFlavour.Installed)
        {
            yield return new("repository",
                $"has no use with flavour {AgentScript.FlavourOf(agent.Flavour)}, which takes nothing from there; leave it out");
        }
        foreach (var (field, url) in new[] { ("repository.apt", repository.Apt), ("repository.yum", repository.Yum) })
        {
            if (url.Length > 0 && !Url().IsMatch(url))
                yield return new(field, "must be an https URL of at most 256 characters, without credentials, query or fragment");
            else if (url.StartsWith("http:", StringComparison.Ordinal) && repository.Key.Length == 0)
                yield return new(field, "must be https where repository.key is not set: the key would be fetched from there unprotected");
        }
        if (repository.Key.Length > 0 && (Encoding.UTF8.GetByteCount(repository.Key) > MaxKeyBytes || !Key().IsMatch(repository.Key)))
        {
            yield return new("repository.key",
                "must be one ASCII-armored OpenPGP public key (-----BEGIN PGP PUBLIC KEY BLOCK-----), 8 KiB at most; "
                    + "gpg --armor --export makes it");
        }
    }

    private static IEnumerable<FieldProblem> OfSettings(AgentSettings settings)
    {
        if (settings.Main.Count + settings.Agent.Count + settings.User.Count > MaxSettings)
            yield return new("settings", $"must be at most {MaxSettings}");
        foreach (var (section, lines) in new[] { ("main", settings.Main), ("agent", settings.Agent), ("user", settings.User) })
        {
            foreach (var (name, value) in lines)
            {
                if (Rule(name, value) is { } rule)
                    yield return new($"settings.{section}.{name}", rule);
            }
        }
    }

    private static string? Rule(string name, string value)
    {
        if (!Setting().IsMatch(name))
            return "must be the name of a setting of Puppet: [a-z][a-z0-9_]*, 64 characters at most";
        if (Owned.TryGetValue(name, out var why))
            return why;
        if (value.Length is 0 or > MaxValue || value.Any(c => c is < ' ' or > '~') || value != value.Trim())
            return $"must be 1-{MaxValue} printable ASCII characters, without spaces around them";
        // Puppet reads {owner = x, mode = y} in a value as the owner and mode of the file that it names, and any other braces as an error.
        if (value.Contains('{', StringComparison.Ordinal))
            return "must have no braces: Puppet would take them for the owner and mode of a file; write $name without them";
        return name switch
        {
            "certificate_revocation" when value is not ("chain" or "leaf" or "true") =>
                "must be chain or leaf: the agent would go on trusting a server whose certificate was revoked",
            "keylength" when !int.TryParse(value, out var bits) || bits is < 2048 or > 8192 => "must be 2048 to 8192 bits",
            "named_curve" when value is not ("prime256v1" or "secp384r1" or "secp521r1") => "must be prime256v1, secp384r1 or secp521r1",
            _ => null,
        };
    }

    // Puppet takes 0 too, and runs without a pause.
    private static bool IsDuration(string text) => Duration().IsMatch(text);

    [GeneratedRegex(@"\A[0-9][A-Za-z0-9.+~-]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex VersionText();

    [GeneratedRegex(@"\A[1-9][0-9]{0,8}[smhdy]?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Duration();

    [GeneratedRegex(@"\A(?=.{1,256}\z)https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/%+-]*)?\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Url();

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Setting();

    [GeneratedRegex(@"\A\s*-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(?:[A-Za-z]+: [ -~]*\r?\n)*\r?\n"
        + @"(?:[A-Za-z0-9+/=]{1,76}[ \t]*\r?\n)+-----END PGP PUBLIC KEY BLOCK-----\s*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Key();
}
