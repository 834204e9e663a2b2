namespace Overture.Cli.Hooks;

/// <summary>The settings of a puppet.conf as puppetserver reads them. Pure.</summary>
internal sealed class PuppetConf
{
    // A server's own section wins over the old name of it, and both over main.
    private static readonly string[] Sections = ["server", "master", "main"];
    private readonly Dictionary<(string Section, string Name), string> values = [];

    /// <param name="text">Of the file.</param>
    public static PuppetConf Parse(string text)
    {
        var conf = new PuppetConf();
        var section = "main";
        foreach (var line in text.Split('\n').Select(l => l.Trim()))
        {
            if (line.StartsWith('[') && line.EndsWith(']'))
                section = line[1..^1].Trim();
            else if (!line.StartsWith('#') && line.Split('=', 2) is [var name, var value])
                conf.values[(section, name.Trim())] = value.Trim(); // the last one of a section counts
        }
        return conf;
    }

    /// <returns>Empty: it is not set.</returns>
    public string Of(string setting) =>
        Sections.Select(s => values.GetValueOrDefault((s, setting), "")).FirstOrDefault(v => v.Length > 0, "");
}
