namespace Overture.Cli.Setup;

/// <summary>
/// The last lines of setup: what a person types next, on this host as it is. The very last begins with "next: " and is a command.
/// </summary>
internal static class SetupNext
{
    private const string Example = "/usr/share/doc/overture-server/examples/start_instance.yaml";

    // What a first instance on this host needs, and the package of Debian that brings it.
    private static readonly (string File, string Package)[] Needed =
    [
        ("/usr/bin/cloud-init", "cloud-init"), ("/usr/bin/puppet", "puppet-agent"), ("/usr/bin/curl", "curl"),
        ("/usr/share/puppetserver/puppetserver.jar", "puppetserver"),
    ];

    /// <param name="host">Whose packages are looked for.</param>
    /// <param name="answers">What starts instances, and who signs.</param>
    /// <param name="failed">Whether doctor found something that does not work.</param>
    public static IEnumerable<string> Lines(SetupHost host, SetupAnswers answers, bool failed)
    {
        if (failed)
            return ["what fails above has its own next step; then, to see all of it again:", "next: overture doctor"];
        const string Shown = "overture ui shows all of it in a browser";
        if (answers.Provider != SetupAnswers.Local || answers.StockCa.Length > 0)
        {
            var act = answers.Provider == SetupAnswers.None ? "instance register -c FILE" : "launch -c FILE --wait";
            return [Shown, $"a launch file says what an instance is to become; {Example} is an example", $"next: overture {act}"];
        }
        return
        [
            Shown, "to see a first instance converge on this host: first a puppetserver for trying things out, then an instance",
            .. FirstInstance(host),
        ];
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
            "it takes packages that are not here" + (isPuppet ? "" : " (overture-puppet lies where overture-server came from)")
                + "; then overture setup says how it goes on",
            $"next: apt-get install -y {string.Join(' ', wanted)}",
        ];
    }
}
