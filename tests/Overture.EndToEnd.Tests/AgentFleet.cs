using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>A way to an agent that is launched for real.</summary>
/// <param name="Id">Of the image too, unless it is the host.</param>
/// <param name="Image">As a launch names it.</param>
/// <param name="Agent">Of puppet.agent, as YAML in braces without them; {apt}, {yum} and {key} are put in.</param>
/// <param name="Label">For people: whose agent, and how it comes to the instance.</param>
public sealed record AgentRow(string Id, string Image, string Agent, string Label)
{
    public bool Ec => Agent.Contains("key_type: ec", StringComparison.Ordinal);
    public bool AllInOne => Id.StartsWith("aio-", StringComparison.Ordinal);
    public string Program => AllInOne ? "/opt/puppetlabs/bin/puppet" : "/usr/bin/puppet";
    public string SslDirectory => AllInOne ? "/etc/puppetlabs/puppet/ssl" : "/var/lib/puppet/ssl";
}

/// <summary>
/// One instance of every row, all launched at once against the stack's puppetserver: images of other releases and layouts, repositories of
/// packages on loopback, vendor data that gets in the way.
/// </summary>
public sealed partial class AgentFleet(Stack stack) : IAsyncLifetime
{
    private static readonly AgentRow[] Always =
    [
        new("host", "host", "flavour: auto", "Debian's puppet-agent"),
        new("puppet8", "agents-puppet8", "flavour: auto", "Debian's puppet-agent"),
        new("aio-installed", "agents-aio-installed", "flavour: installed", "all-in-one layout, of the image"),
        new("aio-apt", "agents-aio-apt", "key_type: ec, repository: {apt: \"{apt}\", key: {key}}", "all-in-one layout, by apt"),
        new("aio-dnf", "agents-aio-dnf", "flavour: openvox8, key_type: ec, repository: {yum: \"{yum}\", key: {key}}",
            "all-in-one layout, by dnf"),
        new("vendor-server", "agents-vendor-server", "flavour: auto", "Debian's puppet-agent, vendor data with another server"),
        new("aio-vendor-empty", "agents-aio-vendor-empty", "flavour: auto", "all-in-one layout, vendor data without modules"),
    ];

    // What depends on a suite that moves, and the other key of what is above.
    private static readonly AgentRow[] OnlyFull =
    [
        new("puppet8-ec", "agents-puppet8", "key_type: ec", "Debian's puppet-agent"),
        new("openvox9", "agents-openvox9", "flavour: distribution", "Debian's openvox-agent"),
        new("openvox9-ec", "agents-openvox9", "key_type: ec", "Debian's openvox-agent"),
    ];

    private readonly Dictionary<string, (string Certname, Ran Launch)> launched = [];
    private BoundProcess? repositories;

    public static IReadOnlyList<AgentRow> Rows { get; } = Full.Asked ? [.. Always, .. OnlyFull] : Always;

    public async Task InitializeAsync()
    {
        // 1. images
        await Image("puppet8", "trixie-agent");
        await Image("aio-installed", "openvox8");
        await Image("aio-dnf", "rhel-bare");
        await Image("aio-apt", "trixie-bare", RootFileSystem.ForgetPackageSources);
        await Image("vendor-server", "trixie-agent", root => VendorData(root, """
            #cloud-config
            puppet:
              conf:
                main: {ca_server: elsewhere.invalid, runinterval: 99}
                agent: {server: elsewhere.invalid, certname: elsewhere}
            runcmd: [[touch, /var/tmp/vendor-ran]]

            """));
        await Image("aio-vendor-empty", "openvox8",
            root => VendorData(root, "#cloud-config\ncloud_config_modules: []\ncloud_final_modules: []\n"));
        if (Full.Asked)
            await Image("openvox9", "sid-openvox");

        // 2. repositories
        var kept = Path.Combine(Path.GetDirectoryName(await RootFileSystem.Get("openvox8"))!, ".aio-agent");
        var port = FreePort.Next();
        repositories = new BoundProcess(Path.Combine(stack.Home, "log/repositories.log"), "python3",
            ["-m", "http.server", $"{port}", "--bind", "127.0.0.1", "--directory", kept]);
        var key = JsonSerializer.Serialize(await File.ReadAllTextAsync(Path.Combine(kept, "key.asc")));

        // 3. instances
        var all = Rows.Select(async row => (row, Ran: await Launch(row, r => r
            .Replace("{apt}", $"http://127.0.0.1:{port}/apt", StringComparison.Ordinal)
            .Replace("{yum}", $"http://127.0.0.1:{port}/yum", StringComparison.Ordinal)
            .Replace("{key}", key, StringComparison.Ordinal))));
        foreach (var (row, ran) in await Task.WhenAll(all))
            launched[row.Id] = (Certname().Match(ran.Output).Groups[1].Value, ran);
    }

    /// <summary>What `launch --wait` printed of a row.</summary>
    public Ran Launched(string id) => launched[id].Launch;

    public string CertnameOf(string id) => launched[id].Certname;

    public string FolderOf(string id) => Path.Combine(stack.Home, "instances", CertnameOf(id));

    public string Console(string id) => File.ReadAllText(Path.Combine(FolderOf(id), "console.log"));

    /// <summary>A command in the instance of a row, with what its agent's programs need.</summary>
    public Task<Ran> Inside(string id, params string[] command) => InsideInstance.Run(FolderOf(id), ["env", "-i",
        "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", .. command]);

    public async Task DisposeAsync()
    {
        if (launched.Count > 0)
            await stack.Overture(["instance", "terminate", .. launched.Values.Select(l => l.Certname)]);
        if (repositories is not null)
            await repositories.DisposeAsync();
    }

    private async Task<Ran> Launch(AgentRow row, Func<string, string> fill)
    {
        var example = await File.ReadAllTextAsync(stack.Example);
        var file = Path.Combine(stack.Home, $"etc/{row.Id}.yaml");
        await File.WriteAllTextAsync(file, example
            .Replace("image: host", $"image: {row.Image}", StringComparison.Ordinal)
            .Replace("\npuppet:\n", $"\npuppet:\n  agent: {{{fill(row.Agent)}}}\n", StringComparison.Ordinal)
            + """

            cloud_config:
              bootcmd:
              - |
                [ -e /var/tmp/modes ] ||
                  stat -c '%a %n' /etc/puppet*/csr_attributes.yaml /etc/puppetlabs/puppet/csr_attributes.yaml > /var/tmp/modes || :

            """);
        return await stack.Overture(["launch", "-c", file, "--wait", "--timeout", "4m", "-o", "json"], null);
    }

    private async Task Image(string id, string root, Action<string>? change = null)
    {
        var image = Path.Combine(stack.Home, "images", $"agents-{id}");
        if (change is null)
        {
            File.CreateSymbolicLink(image, await RootFileSystem.Get(root));
            return;
        }
        await RootFileSystem.Copy(root, image);
        change(image);
    }

    private static void VendorData(string root, string text)
    {
        var seed = Path.Combine(root, "var/lib/cloud/seed/nocloud");
        Directory.CreateDirectory(seed);
        File.WriteAllText(Path.Combine(seed, "vendor-data"), text);
    }

    [GeneratedRegex("\"certname\": *\"([0-9a-f-]+)\"")]
    private static partial Regex Certname();
}
