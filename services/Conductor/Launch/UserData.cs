using System.Text;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// What an instance boots from: one cloud-config document, with the user's own merged into it, the same for every provider, distribution
/// and agent: what differs is decided at boot, by <see cref="AgentScript"/>. With scripts, that document and those as MIME parts.
/// ASCII alone: nothing between here and cloud-init can garble it. Pure: the same inputs give the same bytes, so a retried launch is the
/// same launch. It holds the one-time token.
/// </summary>
internal static class UserData
{
    /// <summary>EC2's limit, applied to all providers.</summary>
    public const int MaxBytes = 16 * 1024;

    /// <summary>Of user data that is fetched by its URL; cloud-init would take more.</summary>
    public const int MaxFetchedBytes = 256 * 1024;

    /// <summary>
    /// Bytes that stay for cloud_config, scripts and extensions at least, with a CA bundle of two certificates of RSA 4096 (a CA and the
    /// one that follows it).
    /// </summary>
    public const int RoomForUsers = 5 * 1024;

    /// <param name="name">The certname.</param>
    /// <param name="spec">A planned spec, defaults filled in.</param>
    /// <param name="environment">Of the node definition.</param>
    /// <param name="token">The one-time secret.</param>
    /// <param name="caBundle">PEM: the agent trusts this CA from the start, never the first one it meets.</param>
    /// <param name="most">The limit in bytes of the channel that delivers it to the instance.</param>
    /// <param name="reporter">What says how the first boot goes; null: nothing does.</param>
    /// <exception cref="FaultException">TOO_LARGE: more than that; names the field that takes the most.</exception>
    public static string Render(CertName name, LaunchSpec spec, string environment, string token, string caBundle, int most = MaxBytes,
        Reporter? reporter = null)
    {
        if (!AgentScript.Certificates().IsMatch(caBundle))
            throw new ArgumentException("user data without a pinned CA would trust on first use", nameof(caBundle));
        // The agent's script is readable where there is room for it.
        var text = Write(name, spec, environment, token, caBundle, reporter, packed: false);
        if (text.Length > most)
            text = Write(name, spec, environment, token, caBundle, reporter, packed: true);
        // Of the two the user's own wins: the instance boots without a reporter.
        if (text.Length > most && reporter is not null)
            text = Write(name, spec, environment, token, caBundle, null, packed: true);
        return text.Length <= most ? text : throw TooLarge(text.Length, most, spec, caBundle);
    }

    /// <summary>Whether rendered user data has a reporter.</summary>
    public static bool Reports(string userData) => userData.Contains(AgentScript.ReporterMark, StringComparison.Ordinal);

    // Two commands of ours, each before the user's: the first at every boot before an agent can run, the second once, at the end.
    private static string Write(CertName name, LaunchSpec spec, string environment, string token, string caBundle, Reporter? reporter,
        bool packed)
    {
        var attributes = Escaped(CsrAttributes.Write(spec, token));
        var document = new Dictionary<string, object?>
        {
            ["bootcmd"] = new List<object?> { AgentScript.Command(name, spec, environment, caBundle, attributes, packed, reporter) },
            ["runcmd"] = new List<object?> { new List<object?> { "sh", AgentScript.Path, "run" } },
        };
        CloudConfig.Merge(document, spec.CloudConfig);
        var text = Escaped(QuotedYaml.Write(document, "#cloud-config"));
        return spec.Scripts.Count > 0 ? MimeParts.Write(text, spec.Scripts) : text;
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
            ("spec.puppet.agent", spec.Puppet.Agent?.CalculateSize() ?? 0),
            ("launch.caBundle", caBundle.Length),
        }.MaxBy(f => f.Item2);
        var rule = $"takes {most} bytes, the largest part of the {size} of the user data; the limit is {limit}";
        return new FaultException(FaultKind.Invalid, Reason.TooLarge, $"{field}: {rule}; shorten it, or have Puppet do what it does",
            new FieldProblem(field, rule));
    }
}
