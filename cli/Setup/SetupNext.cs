namespace Overture.Cli.Setup;

/// <summary>
/// The last lines of setup: what a person types next, on this host as it is. The very last begins with "next: " and is a command.
/// </summary>
internal static class SetupNext
{
    private const string Example = "/usr/share/doc/overture-server/examples/start_instance.yaml";

    private const string CloudInit = "/usr/bin/cloud-init", Readme = "/usr/share/puppet/modules/overture/README.md";

    // What a first instance on this host needs, and the package of Debian that brings it.
    private static readonly (string File, string Package)[] Needed =
    [
        (CloudInit, "cloud-init"), ("/usr/bin/puppet", "puppet-agent"), ("/usr/bin/curl", "curl"),
        ("/usr/share/puppetserver/puppetserver.jar", "puppetserver"),
    ];

    /// <param name="host">Whose packages are looked for.</param>
    /// <param name="answers">What starts instances, and who signs.</param>
    /// <param name="failed">Whether doctor found something that does not work.</param>
    public static IEnumerable<string> Lines(SetupHost host, SetupAnswers answers, bool failed)
    {
        // Doctor looks at what the Conductor has, not at what an instance will.
        var isLocal = answers.Provider == SetupAnswers.Local;
        string[] lack = isLocal && !File.Exists(host.At(CloudInit))
            ? ["an instance of image host, a clone of this host, has no cloud-init: apt-get install -y cloud-init"] : [];
        if (failed)
            return [.. lack, "what fails above has its own next step; then, to see all of it again:", "next: overture doctor"];
        const string Shown = "overture ui shows all of it in a browser";
        if (!isLocal || answers.StockCa.Length > 0)
            return [Shown, .. lack, .. OwnFile(answers)];
        if (IsWithoutTrial(host))
        {
            return
            [
                Shown, .. lack, "an instance needs a puppetserver, and the trial one is made of puppetserver 7, not of this Debian's 8: "
                    + $"Puppet's module overture configures that one ({Readme})",
                .. OwnFile(answers),
            ];
        }
        return
        [
            Shown, "to see a first instance converge on this host: first a puppetserver for trying things out, then an instance",
            .. FirstInstance(host),
        ];
    }

    // The example is of an instance on this host, with a puppetserver there that has this host's CA.
    private static IEnumerable<string> OwnFile(SetupAnswers answers)
    {
        string[] others =
        [
            .. answers.Ec2Region.Length > 0 ? ["provider (ec2), image (ami-…), instance_type"] : Array.Empty<string>(),
            .. answers.Provider != SetupAnswers.Local ? ["puppet.server"] : Array.Empty<string>(),
            .. answers.StockCa.Length > 0 ? ["ca_server, ca_port and attestation"] : Array.Empty<string>(),
        ];
        var act = answers.Provider == SetupAnswers.None ? "instance register -c FILE" : "launch -c FILE --wait";
        return
        [
            $"a launch file says what an instance is to become; {Example} is an example"
                + (others.Length > 0 ? $": yours has another {string.Join(", ", others)}" : ""),
            $"next: overture {act}",
        ];
    }

    private static bool IsWithoutTrial(SetupHost host)
    {
        const string Release = "/etc/os-release";
        if (!File.Exists(host.At(Release)))
            return false;
        var facts = File.ReadLines(host.At(Release)).Select(l => l.Replace("\"", "", StringComparison.Ordinal).Split('=', 2))
            .Where(f => f.Length == 2).ToLookup(f => f[0], f => f[1], StringComparer.Ordinal);
        return facts["ID"].Contains("debian") && facts["VERSION_ID"].Any(v => int.TryParse(v, out var number) && number >= 13);
    }

    private static IEnumerable<string> FirstInstance(SetupHost host)
    {
        string[] packages = [.. Needed.Where(n => !File.Exists(host.At(n.File))).Select(n => n.Package)];
        var isPuppet = File.Exists(host.At("/usr/bin/overture-puppetserver"));
        if (packages.Length == 0 && isPuppet)
            return ["next: overture-puppetserver start"];
        string[] wanted = [.. packages, .. isPuppet ? Array.Empty<string>() : ["./overture-puppet_*.deb"]];
        return
        [
            "it takes packages that are not here" + (isPuppet ? "" : " (overture-puppet lies where overture-server came from)"),
            $"next: apt-get install -y {string.Join(' ', wanted)} && overture setup",
        ];
    }
}
