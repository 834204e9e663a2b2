using System.Text;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// What an instance boots from: one cloud-config document, with the user's own merged into it, the same for every provider but for who
/// installs Puppet; and where there are scripts, that document and those as MIME parts. ASCII alone: nothing between here and cloud-init
/// can garble it. Pure: the same inputs give the same bytes, so a retried launch is the same launch. It holds the one-time token.
/// </summary>
internal static class UserData
{
    /// <summary>EC2's limit, applied to all providers.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>Of user data that is fetched by its URL; cloud-init would take more.</summary>
    public const int MaxFetchedBytes = 256 * 1024;
    private const string ChallengePassword = "1.2.840.113549.1.9.7";

    /// <param name="name">The certname.</param>
    /// <param name="spec">A planned spec, defaults filled in.</param>
    /// <param name="environment">Of the node definition.</param>
    /// <param name="token">The one-time secret.</param>
    /// <param name="caBundle">PEM: the agent trusts this CA from the start, never the first one it meets.</param>
    /// <param name="install">Whether cloud-init installs Puppet; false where the image has it (no network needed at boot).</param>
    /// <param name="most">The limit in bytes of the channel that delivers it to the instance.</param>
    /// <exception cref="FaultException">TOO_LARGE: more than that; names the field that takes the most.</exception>
    public static string Render(CertName name, LaunchSpec spec, string environment, string token, string caBundle, bool install,
        int most = MaxBytes)
    {
        if (!caBundle.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
            throw new ArgumentException("user data without a pinned CA would trust on first use", nameof(caBundle));
        var document = new Dictionary<string, object?>();
        if (install)
            document["package_update"] = true;
        document["bootcmd"] = new List<object?> { CsrAttributes.Command(name, Attributes(spec, token)) };
        document["puppet"] = Puppet(name, spec, environment, caBundle, install);
        // Debian's cloud-init starts the service but does not enable it: after a reboot there would be no agent (docs/cloud-init.md).
        if (install)
            document["runcmd"] = new List<object?> { new List<object?> { "systemctl", "enable", "puppet" } };
        CloudConfig.Merge(document, spec.CloudConfig);
        var text = Escaped(QuotedYaml.Write(document, "#cloud-config"));
        if (spec.Scripts.Count > 0)
            text = MimeParts.Write(text, spec.Scripts);
        return text.Length <= most ? text : throw TooLarge(text.Length, most, spec, caBundle);
    }

    // Every text of the document is in double quotes, where YAML knows such escapes.
    private static string Escaped(string yaml)
    {
        if (Ascii.IsValid(yaml))
            return yaml;
        var text = new StringBuilder(yaml.Length + 64);
        foreach (var rune in yaml.EnumerateRunes())
        {
            if (rune.IsAscii)
                text.Append((char)rune.Value);
            else
                text.Append(rune.IsBmp ? $"\\u{rune.Value:X4}" : $"\\U{rune.Value:X8}");
        }
        return text.ToString();
    }

    private static FaultException TooLarge(int size, int limit, LaunchSpec spec, string caBundle)
    {
        var (field, most) = new[]
        {
            ("spec.scripts", spec.Scripts.Sum(Encoding.UTF8.GetByteCount)),
            ("spec.cloud_config", Encoding.UTF8.GetByteCount(spec.CloudConfig)),
            ("spec.extensions", spec.Extensions.Sum(e => e.Key.Length + Encoding.UTF8.GetByteCount(e.Value))),
            ("launch.caBundle", caBundle.Length),
        }.MaxBy(f => f.Item2);
        var rule = $"takes {most} bytes, the largest part of the {size} of the user data; the limit is {limit}";
        return new FaultException(FaultKind.Invalid, Reason.TooLarge, $"{field}: {rule}; shorten it, or have Puppet do what it does",
            new FieldProblem(field, rule));
    }

    private static Dictionary<string, object?> Puppet(CertName name, LaunchSpec spec, string environment, string caBundle, bool install)
    {
        var puppet = new Dictionary<string, object?> { ["install"] = install };
        if (install)
            puppet["package_name"] = "puppet-agent";
        puppet["start_service"] = true;
        puppet["conf"] = new Dictionary<string, object?>
        {
            ["main"] = new Dictionary<string, object?>
            {
                ["certname"] = name.ToString(),
                ["ca_server"] = spec.Puppet.CaServer,
                ["ca_port"] = spec.Puppet.CaPort,
                ["waitforcert"] = 5,
                ["csr_attributes"] = CsrAttributes.Path,
            },
            ["agent"] = new Dictionary<string, object?>
            {
                ["server"] = spec.Puppet.Server,
                ["serverport"] = spec.Puppet.Serverport,
                ["environment"] = environment,
                ["crl_refresh_interval"] = "1d",
            },
            ["ca_cert"] = caBundle,
        };
        return puppet;
    }

    private static string Attributes(LaunchSpec spec, string token)
    {
        var attributes = new Dictionary<string, object?>
        {
            ["custom_attributes"] = new Dictionary<string, object?> { [ChallengePassword] = token },
        };
        if (spec.Extensions.Count > 0)
        {
            attributes["extension_requests"] = spec.Extensions
                .OrderBy(e => e.Key, StringComparer.Ordinal).ToDictionary(e => e.Key, e => (object?)e.Value);
        }
        return Escaped(QuotedYaml.Write(attributes));
    }
}
