using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>The three services as ./run configures them, without a puppetserver: for tests that bring one of their own.</summary>
internal sealed class OvertureHome : IAsyncDisposable
{
    private static readonly string[] Services = ["certauthority", "classifier", "conductor"];
    private readonly TempDirectory home = new();
    private readonly List<ServiceProcess> services = [];
    private readonly int offset;
    private RedisServer? redis;

    private OvertureHome(int offset) => this.offset = offset;

    public static string Binary { get; } = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named : RepositoryPaths.File("artifacts/cli/overture");

    public string CaBundle => home.File("ca/ca_crt.pem");

    public string Classifier => File.ReadAllText(home.File("etc/classifier.certname")).Trim();

    /// <param name="offset">Added to the ports of docs/architecture.md.</param>
    public static async Task<OvertureHome> Start(int offset)
    {
        var started = new OvertureHome(offset);
        try
        {
            await started.Start();
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    public string Path(string name) => home.File(name);

    public int Port(int documented) => documented + offset;

    /// <summary>`overture ARGUMENTS` as the admin; what it printed.</summary>
    public async Task<string> Overture(params string[] arguments) => (await Try(arguments)).Ok();

    public Task<Ran> Try(params string[] arguments) => Shell.Run(Binary, arguments,
        new Dictionary<string, string?> { ["OVERTURE_HOME"] = home.Path, ["OVERTURE_CLI_CONFIG"] = null }, limit: TimeSpan.FromMinutes(3));

    public async Task<JsonNode> Json(params string[] arguments) => JsonNode.Parse(await Overture([.. arguments, "-o", "json"]))!;

    /// <summary>Registers a name by one of the examples; its token.</summary>
    /// <param name="example">A file of examples/.</param>
    /// <param name="name">The certname.</param>
    /// <param name="change">Of the example's text.</param>
    public async Task<string> Register(string example, string name, Func<string, string>? change = null, params string[] more)
    {
        var text = (await File.ReadAllTextAsync(RepositoryPaths.File($"examples/{example}")))
            .Replace("18140", $"{Port(8140)}", StringComparison.Ordinal).Replace("18141", $"{Port(8141)}", StringComparison.Ordinal)
            .Replace("bucket: file:.overture/objects", $"bucket: \"file:{home.File("objects")}\"", StringComparison.Ordinal);
        await File.WriteAllTextAsync(home.File(example), change?.Invoke(text) ?? text);
        await Overture(["instance", "register", "-c", home.File(example), "--certname", name, "--token-file", home.File("token"), .. more]);
        return (await File.ReadAllTextAsync(home.File("token"))).Trim();
    }

    public async Task<string> State(string name) =>
        (await Json("instance", "show", name))["instance"]!["state"]!.GetValue<string>()["INSTANCE_STATE_".Length..];

    public async ValueTask DisposeAsync()
    {
        foreach (var service in services)
            await service.DisposeAsync();
        if (redis is not null)
            await redis.DisposeAsync();
        home.Dispose();
    }

    private async Task Start()
    {
        // 1. keys and configuration
        await Script("check_ports");
        redis = await RedisServer.Start();
        await Overture("pki", "init", "--home", home.Path);
        await Overture("ca", "init", "--home", home.Path);
        await Script("name_classifier; configure");
        foreach (var service in Services)
        {
            var file = home.File($"etc/{service}.yaml");
            await File.WriteAllLinesAsync(file, (await File.ReadAllLinesAsync(file)).Select(l =>
                l.StartsWith("registry:", StringComparison.Ordinal) ? $"registry: {{ endpoint: \"{redis.Endpoint}\" }}" : l));
        }
        // 2. the services
        foreach (var (service, project) in Services.Zip(["CertAuthority", "Classifier", "Conductor"]))
        {
            services.Add(new ServiceProcess(RepositoryPaths.Output($"services/{project}", $"Overture.{project}.dll"),
                home.File($"etc/{service}.yaml")));
        }
        foreach (var (process, service) in services.Zip(Services))
        {
            await Eventually.True(async () => process.HasExited || (await Try("health", "--service", service)).ExitCode == 0,
                $"{service} is healthy");
            Assert.False(process.HasExited, process.HasExited ? await process.Printed() : "");
        }
        // 3. the certificate of Classifier's listener for puppetservers
        var token = await Register("terminus.yaml", Classifier, null, "--dns-alt-name", "localhost");
        await File.WriteAllTextAsync(home.File("etc/classifier.token"), token + "\n");
    }

    // A function of eng/ports.sh or eng/configure.sh.
    private async Task Script(string functions) => (await Shell.Run("bash",
        ["-euc", $". \"$root/eng/ports.sh\"; . \"$root/eng/configure.sh\"; {functions}"],
        new Dictionary<string, string?> { ["root"] = RepositoryPaths.Root, ["home"] = home.Path,
            ["OVERTURE_PORT_OFFSET"] = $"{offset}" })).Ok();
}
