using System.Text.RegularExpressions;

namespace Overture.Cli.Doctor;

/// <summary>The settings of a puppet.conf as puppetserver reads them. Pure.</summary>
internal sealed partial class PuppetConf
{
    private const int Deepest = 8;

    // A server's own section wins over the old name of it, and both over main.
    private static readonly string[] Sections = ["server", "master", "main"];
    private readonly Dictionary<(string Section, string Name), string> values = [];
    private readonly string confdir;

    private PuppetConf(string confdir) => this.confdir = confdir;

    /// <param name="text">Of the file.</param>
    /// <param name="confdir">Where it is: $confdir of its values.</param>
    public static PuppetConf Parse(string text, string confdir)
    {
        var conf = new PuppetConf(confdir);
        var section = "main";
        foreach (var line in text.Split('\n').Select(l => l.Trim()))
        {
            if (line.StartsWith('[') && line.EndsWith(']'))
                section = line[1..^1].Trim();
            else if (!line.StartsWith('#') && line.Split('=', 2) is [var name, var value])
                conf.values[(section, name.Trim())] = Owner().Replace(value, "").Trim(); // the last one of a section counts
        }
        return conf;
    }

    /// <returns>Empty: it is not set. A $setting that this file does not set stays as it is.</returns>
    public string Of(string setting) => Of(setting, 0);

    private string Of(string setting, int depth)
    {
        var value = Sections.Select(s => values.GetValueOrDefault((s, setting), "")).FirstOrDefault(v => v.Length > 0, "");
        return depth > Deepest ? value : Variable().Replace(value, found =>
        {
            var name = found.Groups[1].Value + found.Groups[2].Value;
            return Of(name, depth + 1) is { Length: > 0 } other ? other : name == "confdir" ? confdir : found.Value;
        });
    }

    // As Puppet takes it off a file's value: {owner = root, mode = 0755}.
    [GeneratedRegex(@"(?<!\$)\{\s*\w+\s*=[^}]*\}", RegexOptions.CultureInvariant)]
    private static partial Regex Owner();

    [GeneratedRegex(@"\$(\w+)|\$\{(\w+)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}
