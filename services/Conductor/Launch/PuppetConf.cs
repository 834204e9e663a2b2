using System.Globalization;
using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// An instance's puppet.conf but for its first lines, which name paths and are agent.sh's: below [main] what is for every program of
/// Puppet, then [agent] and [user]. Pure.
/// </summary>
internal static class PuppetConf
{
    /// <summary>As Puppet without the setting has it.</summary>
    public const int PuppetsPort = 8140;

    /// <returns>Lines of ASCII, each ended: first those that belong to [main].</returns>
    /// <exception cref="ArgumentException">A value that puppet.conf can't hold; the plan's rules let none through.</exception>
    public static string Write(CertName name, PuppetSettings puppet, string environment)
    {
        var agent = puppet.Agent ?? new PuppetAgent();
        var settings = agent.Settings ?? new AgentSettings();
        var text = new StringBuilder();

        // 1. what the certificate needs; Puppet's own programs on the instance need it too
        Line("certname", name.ToString());
        Line("ca_server", puppet.CaServer);
        Line("ca_port", Text(puppet.CaPort));
        Line("waitforcert", "5");
        if (agent.KeyType == AgentKeyType.Ec)
            Line("key_type", "ec");
        Lines(settings.Main);

        // 2. the agent's runs
        text.Append("[agent]\n");
        Line("server", puppet.Server);
        Line("serverport", Text(puppet.Serverport));
        // Its name before Puppet 7.
        if (puppet.Serverport != PuppetsPort)
            Line("masterport", Text(puppet.Serverport));
        Line("environment", environment);
        if (!settings.Main.ContainsKey(CrlRefresh) && !settings.Agent.ContainsKey(CrlRefresh))
            Line(CrlRefresh, "1d");
        if (agent.Runinterval.Length > 0)
            Line("runinterval", agent.Runinterval);
        if (agent.Splay.Length > 0)
            Line("splay", agent.Splay == "false" ? "false" : "true");
        if (agent.Splay is not ("" or "true" or "false"))
            Line("splaylimit", agent.Splay);
        if (agent.HasReport)
            Line("report", agent.Report ? "true" : "false");
        Lines(settings.Agent);

        // 3. puppet apply's
        if (settings.User.Count > 0)
            text.Append("[user]\n");
        Lines(settings.User);
        return text.ToString();

        void Lines(IDictionary<string, string> more)
        {
            foreach (var (setting, value) in more.OrderBy(s => s.Key, StringComparer.Ordinal))
                Line(setting, value);
        }

        void Line(string setting, string value)
        {
            if (value.Any(c => c is < ' ' or > '~'))
                throw new ArgumentException($"{setting} holds what puppet.conf can't", nameof(puppet));
            text.Append(setting).Append(" = ").Append(value).Append('\n');
        }
    }

    private const string CrlRefresh = "crl_refresh_interval";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
