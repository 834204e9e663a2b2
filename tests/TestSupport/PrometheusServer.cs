using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Overture.TestSupport;

/// <summary>
/// A real Prometheus that scrapes by deploy/otel/prometheus.yaml and evaluates deploy/otel/alerts.yaml, with three changes that
/// docs/telemetry.md names: it looks every second instead of every 15, where the services are is the test's, and what must last for minutes
/// (for:) must last 2 s.
/// </summary>
public sealed partial class PrometheusServer : IAsyncDisposable
{
    private readonly TempDirectory directory = new();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly BoundProcess process;
    private readonly int port = FreePort.Next();

    /// <param name="conductor">Port of its metrics on loopback; the others' as well. 9: nothing listens there.</param>
    /// <param name="certAuthority">As above.</param>
    /// <param name="classifier">As above.</param>
    public PrometheusServer(int conductor, int certAuthority = 9, int classifier = 9)
    {
        File.WriteAllText(directory.File("alerts.yaml"),
            For().Replace(File.ReadAllText(RepositoryPaths.File("deploy/otel/alerts.yaml")), "${1}2s"));
        var configuration = File.ReadAllText(RepositoryPaths.File("deploy/otel/prometheus.yaml"))
            .Replace("15s", "1s", StringComparison.Ordinal);
        foreach (var (documented, actual) in new[] { (9464, conductor), (9465, certAuthority), (9466, classifier) })
            configuration = configuration.Replace($"localhost:{documented}", $"127.0.0.1:{actual}", StringComparison.Ordinal);
        File.WriteAllText(directory.File("prometheus.yaml"), configuration);
        process = new BoundProcess(directory.File("log"), "prometheus", [$"--config.file={directory.File("prometheus.yaml")}",
            $"--storage.tsdb.path={directory.File("data")}", $"--web.listen-address=127.0.0.1:{port}"]);
    }

    /// <summary>Whether an alert fires for anything.</summary>
    public async Task<bool> Fires(string alert) => await Value($"ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}") is not null;

    /// <summary>Whether an alert neither fires nor is about to; false also while Prometheus has not answered.</summary>
    public async Task<bool> IsQuiet(string alert) => await Value($"count(ALERTS{{alertname=\"{alert}\"}}) or vector(0)") == 0;

    /// <summary>All names of metrics that it has scraped.</summary>
    public async Task<IReadOnlySet<string>> Names() => (await Ask("label/__name__/values"))!.AsArray()
        .Select(n => n!.GetValue<string>()).ToHashSet(StringComparer.Ordinal);

    /// <summary>Waits for a value.</summary>
    public Task Becomes(string query, Func<double, bool> wanted) => Eventually.True(
        async () => await Value(query) is { } value && wanted(value), query, TimeSpan.FromSeconds(90));

    /// <summary>The first sample; null: none, or Prometheus has not started yet.</summary>
    public async Task<double?> Value(string query)
    {
        try
        {
            return (await Ask($"query?query={Uri.EscapeDataString(query)}"))!["result"]!.AsArray().FirstOrDefault()?["value"]![1]!
                .GetValue<string>() is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await process.DisposeAsync();
        http.Dispose();
        directory.Dispose();
    }

    private async Task<JsonNode?> Ask(string what) =>
        JsonNode.Parse(await http.GetStringAsync($"http://127.0.0.1:{port}/api/v1/{what}"))!["data"];

    [GeneratedRegex("^( +for: ).*$", RegexOptions.Multiline)]
    private static partial Regex For();
}
