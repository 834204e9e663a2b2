using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf.Collections;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// A launch spec as it may be shown. Keys are shown; a value is masked unless its key is known to hold no secret and nothing above it may
/// hold one: a key that was not thought of here hides too much, never too little. Of URLs the scheme and the host are shown. Pure.
/// </summary>
internal static partial class SecretMask
{
    public const string Text = "********";

    // Of cloud-config, whatever they are in. Of the item of a list the key is that of the list.
    private static readonly HashSet<string> Harmless = new(StringComparer.Ordinal)
    {
        "packages", "package_update", "package_upgrade", "package_reboot_if_required", "timezone", "locale", "hostname", "fqdn",
        "manage_etc_hosts", "preserve_hostname", "prefer_fqdn_over_hostname", "create_hostname_file",
        "path", "permissions", "owner", "encoding", "append", "defer", "filename",
        "users", "name", "groups", "sudo", "shell", "homedir", "uid", "primary_group", "system", "no_create_home", "no_user_group",
        "lock_passwd", "ssh_authorized_keys", "ssh_import_id", "ssh_redirect_user", "expire",
        "disable_root", "ssh_pwauth", "ssh_deletekeys", "ssh_genkeytypes", "rsa_public", "ecdsa_public", "ed25519_public",
        "servers", "pools", "ntp_client", "nameservers", "searchdomains", "layout", "variant", "resize_rootfs", "devices", "device",
        "filesystem", "label", "partition", "overwrite", "table_type", "size", "maxsize", "mode", "delay", "timeout", "arches",
        "source", "uri", "baseurl", "keyid", "keyserver", "enabled", "gpgcheck", "preserve_sources_list",
    };

    // All below them is masked: commands, files, what is sent as it is.
    private static readonly HashSet<string> Grave = new(StringComparer.OrdinalIgnoreCase)
    {
        "runcmd", "bootcmd", "commands", "content", "chpasswd", "headers", "environment", "env",
    };
    private static readonly string[] GraveWords = ["passw", "secret", "token", "private", "credential", "auth", "psk"];

    // Of puppet.conf.
    private static readonly HashSet<string> Settings = new(StringComparer.Ordinal)
    {
        "crl_refresh_interval", "daemonize", "graph", "http_connect_timeout", "http_keepalive_timeout", "http_proxy_host",
        "http_proxy_port", "http_read_timeout", "log_level", "noop", "number_of_facts_soft_limit", "pluginsync", "postrun_command_timeout",
        "runtimeout", "show_diff", "splay", "splaylimit", "summarize", "use_cached_catalog", "usecacheonfailure", "waitforcert",
        "waitforlock",
    };

    public static LaunchSpec On(LaunchSpec spec)
    {
        var shown = spec.Clone();
        if (spec.CloudConfig.Length > 0)
        {
            var tree = PositionedYaml.Read(spec.CloudConfig).ToTree();
            shown.CloudConfig = QuotedYaml.Write(Masked(tree, "", false), "#cloud-config");
        }
        for (var i = 0; i < shown.Scripts.Count; i++)
            shown.Scripts[i] = $"{Interpreter(spec.Scripts[i])}\n# {Text} ({Encoding.UTF8.GetByteCount(spec.Scripts[i])} bytes)\n";
        if (shown.Puppet?.Agent?.Settings is { } settings)
        {
            foreach (var section in new[] { settings.Main, settings.Agent, settings.User })
                Mask(section);
        }
        return shown;
    }

    private static object? Masked(object? value, string key, bool isBelowGrave) => value switch
    {
        Dictionary<string, object?> map => map.ToDictionary(e => e.Key, e => Masked(e.Value, e.Key, isBelowGrave || IsGrave(e.Key))),
        List<object?> items => new List<object?>([.. items.Select(i => Masked(i, key, isBelowGrave))]),
        null => null,
        _ when isBelowGrave || !Harmless.Contains(key) => Text,
        string text => WithoutPaths(text),
        _ => value,
    };

    private static bool IsGrave(string key) => !Harmless.Contains(key)
        && (Grave.Contains(key) || GraveWords.Any(w => key.Contains(w, StringComparison.OrdinalIgnoreCase)));

    private static void Mask(MapField<string, string> section)
    {
        foreach (var setting in section.Keys.ToList())
            section[setting] = Settings.Contains(setting) ? WithoutPaths(section[setting]) : Text;
    }

    // Without its arguments: env -S takes variables there.
    private static string Interpreter(string script) => $"#!{script.Split('\n')[0][2..].Trim().Split(' ', '\t')[0]}";

    // A private repository's token is in the user info, in the path or in the query.
    private static string WithoutPaths(string text) => Url().Replace(text, m =>
    {
        var user = m.Groups["user"].Success ? $"{Text}@" : "";
        return $"{m.Groups["scheme"]}{user}{m.Groups["host"]}{(m.Groups["rest"].Length > 1 ? $"/{Text}" : "")}";
    });

    [GeneratedRegex(@"(?<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?<user>\S*@)?(?<host>[^\s/?#]*)(?<rest>\S*)", RegexOptions.CultureInvariant)]
    private static partial Regex Url();
}
