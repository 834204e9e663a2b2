using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// agent.sh with what one launch asks for, and the command of bootcmd that puts it on the instance and runs its first part. The one-time
/// token is in no command line, and in no file but csr_attributes.yaml and cloud-init's own copies of user data. Pure.
/// </summary>
internal static partial class AgentScript
{
    /// <summary>Where bootcmd puts the script; it belongs to one instance id, so that an image of an instance brings none along.</summary>
    public const string Path = "/var/lib/cloud/instance/overture/agent";

    /// <summary>In a script with a reporter, and in no other.</summary>
    public const string ReporterMark = "OVERTURE_REPORTER";

    private static readonly string Source = Read();

    /// <summary>The whole command, for bootcmd: at every boot, before users or an agent exist.</summary>
    /// <param name="name">The certname.</param>
    /// <param name="spec">A planned spec.</param>
    /// <param name="environment">Of the node definition.</param>
    /// <param name="caBundle">PEM; all but its certificates is left out.</param>
    /// <param name="attributes">csr_attributes.yaml, ASCII: QuotedYaml, whose lines begin with a quote or a space.</param>
    /// <param name="packed">Whether the script is compressed: about half as long, and nothing that a person reads.</param>
    /// <param name="reporter">What says how the first boot goes; null: nothing does.</param>
    public static string Command(CertName name, LaunchSpec spec, string environment, string caBundle, string attributes, bool packed,
        Reporter? reporter = null)
    {
        var script = Script(name, spec.Puppet, PuppetConf.Write(name, spec.Puppet, environment), caBundle);
        var csr = $"# overture {name}\n{attributes.TrimEnd('\n')}";
        var files = Written("$f", "OVERTURE_AGENT", script, packed)
            + (reporter is null ? "" : Written("$f-reporter", ReporterMark, reporter.Script(name), packed));
        return string.Create(CultureInfo.InvariantCulture, $$"""
            f={{Path}}
            {{files}}sh $f boot <<'OVERTURE_CSR'
            {{Within("OVERTURE_CSR", csr)}}
            OVERTURE_CSR
            """).ReplaceLineEndings("\n");
    }

    // A command that writes a file, root's alone, and the end of its line.
    private static string Written(string file, string delimiter, string text, bool packed)
    {
        var write = packed ? $"base64 -d | gzip -dc >{file}" : $"cat >{file}";
        return $$"""
            (umask 077; mkdir -p "${f%/*}" && {{write}}) <<'{{delimiter}}' || echo "overture: {{file}} could not be written" >&2
            {{Within(delimiter, packed ? Packed(text) : text.TrimEnd('\n'))}}
            {{delimiter}}

            """;
    }

    private static string Script(CertName name, PuppetSettings puppet, string conf, string caBundle)
    {
        var agent = puppet.Agent ?? new PuppetAgent();
        var repository = agent.Repository ?? new AgentRepository();
        var text = new StringBuilder();
        foreach (var (variable, value) in new[]
        {
            ("certname", name.ToString()), ("flavour", FlavourOf(agent.Flavour)), ("version", agent.Version),
            ("apt", repository.Apt.TrimEnd('/')), ("yum", repository.Yum.TrimEnd('/')), ("pinned", repository.Key.Length > 0 ? "1" : ""),
        })
        {
            text.Append(variable).Append('=').Append(Quoted(value)).Append('\n');
        }
        Function(text, "conf", conf);
        Function(text, "ca", string.Concat(Certificates().Matches(caBundle)
            .Select(m => m.Value.Replace("\r", "", StringComparison.Ordinal) + "\n")));
        Function(text, "key", repository.Key.Replace("\r", "", StringComparison.Ordinal).Trim() + "\n");
        return text.Append(Source).ToString();
    }

    /// <summary>As users and agent.sh write it.</summary>
    public static string FlavourOf(AgentFlavour flavour) =>
        flavour == AgentFlavour.Unspecified ? "auto" : flavour.ToString().ToLowerInvariant();

    private static void Function(StringBuilder text, string name, string prints) =>
        text.Append(name).Append("() {\ncat <<'OVERTURE_TEXT'\n").Append(Within("OVERTURE_TEXT", prints)).Append("OVERTURE_TEXT\n}\n");

    // A here-document would end at such a line, and the shell run what follows. The delimiters have a character that base64 has not.
    private static string Within(string delimiter, string text) => !text.Split('\n', '\r').Contains(delimiter) ? text
        : throw new ArgumentException($"a text for the agent's script has a line {delimiter}", nameof(text));

    // The plan's rules let only such through (AgentRules); anything else must not reach a shell.
    private static string Quoted(string value) =>
        value.All(c => char.IsAsciiLetterOrDigit(c) || ".+~:/-_[]%".Contains(c, StringComparison.Ordinal)) ? $"'{value}'"
            : throw new ArgumentException("a value for the agent's script has a character that no rule allows", nameof(value));

    // No time and no name in its header: the same text gives the same bytes. Lines, since a shell reads them.
    private static string Packed(string script)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(Encoding.ASCII.GetBytes(script));
        return Convert.ToBase64String(packed.ToArray(), Base64FormattingOptions.None);
    }

    // Without what only its readers need: comments, indentation, empty lines.
    private static string Read()
    {
        using var stream = typeof(AgentScript).Assembly.GetManifestResourceStream("agent.sh")
            ?? throw new InvalidOperationException("agent.sh is not in the program");
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var lines = reader.ReadToEnd().ReplaceLineEndings("\n").Split('\n').Select(l => l.Trim())
            .Where(l => l.Length > 0 && l[0] != '#');
        return string.Join('\n', lines) + "\n";
    }

    [GeneratedRegex(@"-----BEGIN CERTIFICATE-----\r?\n(?:[A-Za-z0-9+/=]+\r?\n)+-----END CERTIFICATE-----", RegexOptions.CultureInvariant)]
    internal static partial Regex Certificates();
}
