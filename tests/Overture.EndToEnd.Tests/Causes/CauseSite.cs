using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>
/// `./run` of this checkout, with a home and ports of its own: three services, a puppetserver and its hook, all of them to be broken.
/// </summary>
public sealed class CauseSite : IAsyncDisposable
{
    private const int PortOffset = 24500;
    // A puppetserver's start, on a machine with other work.
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(20);
    private readonly TempDirectory directory = new();
    private readonly SemaphoreSlim deploying = new(1);
    private readonly List<IAsyncDisposable> beside = [];
    private RunProcess? run;

    public string Home => directory.File("home");
    public string Server => Path.Combine(Home, "puppetserver");
    public string Hook => Path.Combine(Server, "bin/overture-enc");
    public string HookSettings => Path.Combine(Server, "hooks/hooks.yaml");

    public static int Port(int documented) => documented + PortOffset;

    public static async Task<CauseSite> Start()
    {
        var site = new CauseSite();
        // Beneath a folder that anyone may go through: user puppet sees its part alone.
        File.SetUnixFileMode(site.directory.Path, (UnixFileMode)0b111_101_101);
        try
        {
            site.run = await RunProcess.Start(RepositoryPaths.Root, new Dictionary<string, string?>
            {
                ["OVERTURE_PORT_OFFSET"] = PortOffset.ToString(CultureInfo.InvariantCulture),
                ["OVERTURE_HOME"] = site.Home,
                // A trace UI is not started where traces have somewhere to go; nothing listens there.
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9",
            }, StartLimit);
            return site;
        }
        catch
        {
            await site.DisposeAsync();
            throw;
        }
    }

    /// <summary>`overture ARGUMENTS` as the admin.</summary>
    public Task<Ran> Overture(params string[] arguments) => Shell.Run(OvertureHome.Binary, arguments,
        new Dictionary<string, string?> { ["OVERTURE_HOME"] = Home, ["OVERTURE_CLI_CONFIG"] = null }, limit: TimeSpan.FromMinutes(3));

    public async Task<JsonNode> Json(params string[] arguments) => JsonNode.Parse((await Overture([.. arguments, "-o", "json"])).Ok())!;

    /// <summary>What explain says, exit code 1 and all.</summary>
    public async Task<JsonNode> Explain(string name) =>
        JsonNode.Parse((await Overture("instance", "explain", name, "-o", "json")).Output)!;

    /// <summary>A launch file like the example's, with other parts.</summary>
    /// <param name="node">Of the key node, as YAML in braces.</param>
    /// <param name="change">Of the part before it.</param>
    public async Task<string> LaunchFile(string node, Func<string, string>? change = null)
    {
        var example = await File.ReadAllTextAsync(Path.Combine(Home, "etc/start_instance.yaml"));
        var before = example[..example.IndexOf("\nnode:", StringComparison.Ordinal)];
        var file = directory.File($"{Guid.CreateVersion7():N}.yaml");
        await File.WriteAllTextAsync(file, $"{change?.Invoke(before) ?? before}\nnode: {node}\n");
        return file;
    }

    /// <summary>Something that runs until the site ends.</summary>
    public T Beside<T>(T process) where T : IAsyncDisposable
    {
        lock (beside)
            beside.Add(process);
        return process;
    }

    /// <summary>Launches a local instance, and waits for nothing.</summary>
    public async Task<string> Launch(Func<string, string>? change = null)
    {
        var file = await LaunchFile("{classes: {}, parameters: {}, environment: production}", change);
        var answer = JsonNode.Parse((await Overture("launch", "-c", file, "-o", "json")).Output)!;
        return answer["results"]![0]!["instance"]!["certname"]!.GetValue<string>();
    }

    public string ConsoleOf(string name) => Path.Combine(Home, "instances", name, "console.log");

    public string DefinitionOf(string name) => Path.Combine(Home, "objects/nodes", name);

    /// <summary>A file of the puppetserver's code; it counts at once.</summary>
    public async Task Deploy(string environment, string file, string text)
    {
        var root = Path.Combine(Server, "code/environments", environment);
        var path = Path.Combine(root, file);
        await deploying.WaitAsync();
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllTextAsync(path, text);
            (await Shell.Run("chown", "-R", "puppet:puppet", root)).Ok();
        }
        finally
        {
            deploying.Release();
        }
    }

    /// <summary>The server reads its puppet.conf again.</summary>
    public async Task Configure(string from, string to)
    {
        var conf = Path.Combine(Server, "conf/puppet.conf");
        var text = await File.ReadAllTextAsync(conf);
        Assert.Contains(from, text, StringComparison.Ordinal);
        await File.WriteAllTextAsync(conf, text.Replace(from, to, StringComparison.Ordinal));
        var before = Running();
        var pid = int.Parse((await File.ReadAllTextAsync(Path.Combine(Home, "run/puppetserver.pid"))).Split(' ')[0],
            CultureInfo.InvariantCulture);
        (await Shell.Run("kill", "-HUP", pid.ToString(CultureInfo.InvariantCulture))).Ok();
        await Eventually.True(() => Running() > before, "the puppetserver has started again", TimeSpan.FromMinutes(3));
    }

    private int Running() => File.ReadLines(Path.Combine(Server, "log/puppetserver.log"))
        .Count(l => l.Contains("Puppet Server has successfully started", StringComparison.Ordinal));

    public async ValueTask DisposeAsync()
    {
        if (run is not null)
            await run.DisposeAsync();
        foreach (var process in beside)
            await process.DisposeAsync();
        directory.Dispose();
        deploying.Dispose();
    }
}
