using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// The whole of Overture as a user gets it: a fresh copy of the checkout, below a 0700 directory and with a space in its path, and `./run`,
/// which builds it, left up for the tests. Shared by all, since a puppetserver takes its time to start.
/// </summary>
public sealed class Stack : IAsyncLifetime
{
    private const int PortOffset = 20000;
    private readonly TempDirectory directory = new();
    private RunProcess? run;

    public string Checkout { get; private set; } = "";
    public string Home => Path.Combine(Checkout, ".overture");
    /// <summary>examples/start_instance.yaml as ./run launched it: with the ports of this stack.</summary>
    public string Example => Path.Combine(Home, "etc/start_instance.yaml");

    /// <summary>What `./run` printed until all was up.</summary>
    public IReadOnlyList<string> FirstRun { get; private set; } = [];

    public OtlpReceiver Otlp { get; private set; } = null!;

    /// <summary>What lay in the host's own folders before the first run, as `find` prints it.</summary>
    public string HostBefore { get; private set; } = "";

    public static int Port(int documented) => documented + PortOffset;

    public async Task InitializeAsync()
    {
        Checkout = directory.File("private/my checkout");
        Directory.CreateDirectory(Checkout);
        File.SetUnixFileMode(directory.File("private"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        (await Shell.Run("bash", ["-c", "git ls-files -co --exclude-standard -z | xargs -0 cp --parents -at \"$0\"", Checkout], null,
            directory: RepositoryPaths.Root)).Ok();
        // But for the native command line, which takes as long as all else: where it was built of these sources already, it is taken.
        (await Shell.Run("bash", ["-c", "[ ! -e artifacts/.cli ] || cp -a --parents -t \"$0\" artifacts/cli artifacts/.cli", Checkout],
            null, directory: RepositoryPaths.Root)).Ok();
        HostBefore = await HostState();
        Otlp = await OtlpReceiver.Start();

        await StartRun();
        FirstRun = run!.Lines();
    }

    /// <summary>`overture ARGUMENTS` as the admin of this stack.</summary>
    public Task<Ran> Overture(params string[] arguments) => Overture(arguments, null);

    public Task<Ran> Overture(string[] arguments, string? input, TimeSpan? limit = null) => Shell.Run(
        Path.Combine(Checkout, "artifacts/cli/overture"), arguments, new Dictionary<string, string?> { ["OVERTURE_HOME"] = Home }, input,
        Checkout, limit ?? TimeSpan.FromMinutes(6));

    /// <summary>The JSON that a command prints.</summary>
    public async Task<JsonNode> Json(params string[] arguments) => JsonNode.Parse((await Overture([.. arguments, "-o", "json"])).Ok())!;

    /// <summary>Launches and waits; the certnames.</summary>
    public async Task<IReadOnlyList<string>> Launch(int count)
    {
        var result = await Json("launch", "-c", Example, "--count", count.ToString(CultureInfo.InvariantCulture), "--wait",
            "--timeout", "5m");
        return Instances(result).Select(i => i["certname"]!.GetValue<string>()).ToList();
    }

    public async Task<string> State(string certname) =>
        (await Json("instance", "show", certname))["instance"]!["state"]!.GetValue<string>();

    /// <summary>kill -9 of a service of this stack; ./run starts it again.</summary>
    public async Task Kill(string service)
    {
        var pid = Pid(service);
        (await Shell.Run("kill", "-9", pid.ToString(CultureInfo.InvariantCulture))).Ok();
        await Eventually.True(() => !Directory.Exists($"/proc/{pid}"), $"{service} is dead");
    }

    /// <summary>SIGSTOP to a service, or to puppetserver: it keeps its sockets and says nothing.</summary>
    /// <returns>Disposed, it goes on.</returns>
    public async Task<IAsyncDisposable> Freeze(string service)
    {
        var pid = $"{Pid(service)}";
        (await Shell.Run("kill", "-STOP", pid)).Ok();
        return new Frozen(async () => (await Shell.Run("kill", "-CONT", pid)).Ok());
    }

    /// <summary>SIGUSR1 to the agent of a local instance: it runs at once, unless it is at it.</summary>
    public async Task AskForARun(string certname)
    {
        foreach (var process in HostProcesses.With(Path.Combine(Home, "instances", certname)))
        {
            if (process.Contains("puppet agent", StringComparison.Ordinal))
                await Shell.Run("kill", "-USR1", process.Split(':')[0]);
        }
    }

    /// <summary>After a kill: waits until ./run has started it again.</summary>
    public Task StartedAgain(string service) => Eventually.True(
        async () => Directory.Exists($"/proc/{Pid(service)}") && (await Overture("health", "--service", service)).ExitCode == 0,
        $"{service} is healthy again");

    public int Pid(string service) => int.Parse(File.ReadAllText(Path.Combine(Home, $"run/{service}.pid")).Split(' ')[0],
        CultureInfo.InvariantCulture);

    /// <summary>A real agent with directories of its own, as `puppet VERB` on some other host.</summary>
    public async Task<Ran> Agent(string directory, string certname, params string[] arguments) => await Shell.Run(
        "puppet",
        [
            .. arguments, "--confdir", $"{directory}/c", "--vardir", $"{directory}/v", "--ssldir", $"{directory}/s", "--publicdir",
            $"{directory}/v/public",
            "--rundir", $"{directory}/v/run", "--logdir", $"{directory}/v/log",
            "--ca_server", "localhost", "--ca_port", $"{Port(8141)}", "--server", "localhost", "--serverport", $"{Port(8140)}",
            "--certname", certname, "--keylength", "2048", "--color", "false",
        ],
        null);

    public async Task DisposeAsync()
    {
        if (run is not null)
            await run.DisposeAsync();
        if (Otlp is not null)
            await Otlp.DisposeAsync();
        directory.Dispose();
    }

    /// <summary>Ctrl-C, and waits for the end.</summary>
    public ValueTask StopRun() => run!.DisposeAsync();

    public async Task StartRun() => run = await RunProcess.Start(Checkout, Environment());

    /// <summary>`./run --once` without a network, while no other is up.</summary>
    public Task<Ran> RunOnceOffline() => Shell.Run("unshare", ["--net", "bash", "-c", "ip link set lo up; exec ./run --once"],
        Environment(), directory: Checkout, limit: TimeSpan.FromMinutes(12));

    public static IEnumerable<JsonNode> Instances(JsonNode result) =>
        (result as JsonArray ?? (JsonArray)result["instances"]!).Select(i => i!);

    public static async Task<string> HostState() => (await Shell.Run("bash", "-c",
        "find /etc /var/lib/puppet /var/lib/cloud /var/cache/puppet /home /usr/sbin/policy-rc.d -printf '%p %y %m %u %s %T@\\n' "
            + "2>/dev/null | grep -v '^/etc/mtab ' | sort")).Output;

    private Dictionary<string, string?> Environment() => new()
    {
        ["OVERTURE_PORT_OFFSET"] = PortOffset.ToString(CultureInfo.InvariantCulture),
        ["OVERTURE_HOME"] = null,
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{Otlp.Port}",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "500",
        ["OTEL_METRIC_EXPORT_INTERVAL"] = "2000",
        ["CI"] = null,
    };

    private sealed class Frozen(Func<Task> thaw) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await thaw();
    }

    /// <summary>Whether ./run said it.</summary>
    public bool Heard(string text) => run!.Heard(text);
}

[CollectionDefinition(nameof(StackCollection))]
public sealed class StackCollection : ICollectionFixture<Stack>;
