using System.Diagnostics;
using Overture.CertAuthority.Storage;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>CertAuthority as a process of its own, which a test can kill.</summary>
public sealed class CaProcess : IAsyncDisposable
{
    private readonly TempDirectory home = new();
    private readonly CaFixture house;
    private readonly string before;
    private Process? process;

    /// <param name="house">Whose replica it is.</param>
    /// <param name="replica">Its name.</param>
    /// <param name="more">Further lines of its options.</param>
    /// <param name="before">Shell commands before it starts: limits, environment.</param>
    public CaProcess(CaFixture house, string replica, string more = "", string before = "")
    {
        (this.house, this.before) = (house, before);
        var options = house.Options(replica);
        Port = System.Net.IPEndPoint.Parse(options.PuppetApi.Listen).Port;
        GrpcPort = System.Net.IPEndPoint.Parse(options.Listen).Port;
        File.WriteAllText(home.File("certauthority.yaml"), $$"""
            bucket: "{{options.Bucket}}"
            listen: {{options.Listen}}
            stateDirectory: "{{options.StateDirectory}}"
            replica: {{replica}}
            tls: { certificate: "{{options.Tls.Certificate}}", key: "{{options.Tls.Key}}", roots: "{{options.Tls.Roots}}" }
            registry: { endpoint: "{{options.Registry.Endpoint}}" }
            caDirectory: "{{options.CaDirectory}}"
            launchKeys: "{{options.LaunchKeys}}"
            puppetApi: { listen: {{options.PuppetApi.Listen}}, dnsNames: [localhost] }
            {{more}}
            """);
    }

    public int Port { get; }
    public int GrpcPort { get; }

    public bool HasExited => process!.HasExited;

    /// <summary>All it has printed so far.</summary>
    public string Log => File.ReadAllText(home.File("log"));

    /// <summary>The most memory it had, in MiB.</summary>
    public int PeakMemory => int.Parse(File.ReadLines($"/proc/{process!.Id}/status").First(
        l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ')[^2], System.Globalization.CultureInfo.InvariantCulture) / 1024;

    public async Task Start()
    {
        // Its output goes nowhere: a pipe that no one reads would stop it.
        var command =
            $"{before}\nexec dotnet '{RepositoryPaths.Output("services/CertAuthority", "Overture.CertAuthority.dll")}' --config "
                + $"'{home.File("certauthority.yaml")}' > '{home.File("log")}' 2>&1";
        process = Process.Start("bash", ["-c", command]);
        using var client = RunningCa.AgentClient(house.BundleFile, Port);
        await Eventually.True(async () =>
        {
            if (process.HasExited)
                Assert.Fail(await File.ReadAllTextAsync(home.File("log")));
            try
            {
                using var answer = await client.GetAsync(new Uri("/status/v1/simple", UriKind.Relative));
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        }, "CertAuthority answers");
    }

    /// <summary>SIGTERM.</summary>
    public async Task Terminate() => (await Shell.Run("kill", "-TERM", $"{process!.Id}")).Ok();

    /// <returns>Its exit code.</returns>
    public async Task<int> Ended(TimeSpan limit)
    {
        await process!.WaitForExitAsync().WaitAsync(limit);
        return process.ExitCode;
    }

    /// <summary>kill -9.</summary>
    public async Task Kill()
    {
        process!.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        process = null;
    }

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
            await Kill();
        home.Dispose();
    }
}
