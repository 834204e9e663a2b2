using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>
/// A pod's command on this host: the manifest's variables and command line, with the folders of its volumes and the addresses of its
/// Services replaced. What it can't show is what the kubelet does: mounts, users, limits, policies.
/// </summary>
internal sealed class PodHost : IAsyncDisposable
{
    private readonly TempDirectory home = new();
    private readonly List<(string From, string To)> replaced = [];
    private readonly List<ServiceProcess> services = [];

    public static string Cli { get; } = Environment.GetEnvironmentVariable("OVERTURE_CLI") is { Length: > 0 } named
        ? named : RepositoryPaths.File("artifacts/cli/overture");

    /// <summary>What the image of a service runs.</summary>
    public static string Program(string service) =>
        RepositoryPaths.Output(service == "Console" ? "console" : $"services/{service}", $"Overture.{service}.dll");

    public string File(string name) => home.File(name);

    /// <summary>Longer ones first, where one begins another.</summary>
    public PodHost Replace(string from, string to)
    {
        replaced.Add((from, to));
        return this;
    }

    public string Translate(string text) => replaced.Aggregate(text, (t, r) => t.Replace(r.From, r.To, StringComparison.Ordinal));

    /// <summary>The container's command, or the one given, as in the image; the CLI is the one that was built here.</summary>
    public Task<Ran> Run(IEnumerable<string> command, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var words = command.Select(Translate).ToList();
        var search = $"{Path.GetDirectoryName(Cli)}:{Environment.GetEnvironmentVariable("PATH")}";
        return Shell.Run(words[0] == "overture" ? Cli : words[0], words[1..],
            new Dictionary<string, string?>(environment ?? new Dictionary<string, string?>()) { ["PATH"] = search });
    }

    /// <param name="service">"Conductor": the image's program.</param>
    /// <param name="environment">The container's, <see cref="PodOptions.Environment"/>.</param>
    /// <param name="more">Over it, not translated.</param>
    public ServiceProcess Start(string service,
        IReadOnlyDictionary<string, string> environment, IReadOnlyDictionary<string, string>? more = null)
    {
        var config = home.File($"{service}.yaml");
        System.IO.File.WriteAllText(config, "{}\n");
        var translated = environment.ToDictionary(e => e.Key, e => Translate(e.Value));
        foreach (var (name, value) in more ?? new Dictionary<string, string>())
            translated[name] = value;
        var process = new ServiceProcess(Program(service), config, translated);
        services.Add(process);
        return process;
    }

    /// <summary>Until a probe's command ends well; a service that ends first fails the test with what it said.</summary>
    public Task Succeeds(JsonNode container, string probe, ServiceProcess service) => Eventually.True(async () =>
    {
        if (service.HasExited)
            throw new InvalidOperationException(await service.Printed());
        return (await Run(container.Texts($"{probe}.exec.command"))).ExitCode == 0;
    }, $"{container.Text("name")}: {probe}", TimeSpan.FromMinutes(2));

    public async ValueTask DisposeAsync()
    {
        foreach (var service in services)
            await service.DisposeAsync();
        services.Clear(); // a test may end it before its scope does
        home.Dispose();
    }
}
