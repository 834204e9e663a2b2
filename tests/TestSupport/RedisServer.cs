using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Overture.TestSupport;

/// <summary>A real redis-server on a free port of loopback, append-only, gone when the test is.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly TempDirectory data = new();
    private readonly TempDirectory configuration = new();
    private readonly string[] more;
    private Process process;

    private RedisServer(int port, string config, params string[] more)
    {
        Port = port;
        this.more = more;
        File.WriteAllText(configuration.File("redis.conf"), config);
        process = Launch();
    }

    public int Port { get; }
    public string Endpoint => $"127.0.0.1:{Port}";

    /// <param name="config">Lines of its redis.conf, such as users.</param>
    public static async Task<RedisServer> Start(string config = "")
    {
        var server = new RedisServer(FreePort.Next(), config, "--appendonly", "yes", "--save", "");
        await server.Answering();
        return server;
    }

    /// <summary>A Sentinel that takes a primary for dead after a second.</summary>
    /// <param name="name">What it calls the primary.</param>
    /// <param name="primary">Port of the primary.</param>
    /// <param name="quorum">How many Sentinels must take it for dead.</param>
    /// <param name="password">What its clients, and other Sentinels, have to say.</param>
    public static async Task<RedisServer> StartSentinel(string name, int primary, int quorum, string password)
    {
        var server = new RedisServer(FreePort.Next(), $"""
            sentinel monitor {name} 127.0.0.1 {primary} {quorum}
            sentinel down-after-milliseconds {name} 1000
            sentinel failover-timeout {name} 5000
            requirepass {password}

            """, "--sentinel");
        await server.Answering();
        return server;
    }

    /// <summary>With TLS alone, and a password.</summary>
    /// <param name="certificate">PEM, leaf first.</param>
    /// <param name="key">PEM.</param>
    /// <param name="password">What clients have to say.</param>
    public static async Task<RedisServer> StartTls(string certificate, string key, string password)
    {
        var port = FreePort.Next();
        var files = new TempDirectory();
        File.WriteAllText(files.File("tls.pem"), certificate);
        File.WriteAllText(files.File("tls.key"), key);
        var server = new RedisServer(port, "", "--appendonly", "yes", "--save", "", "--port", "0", "--tls-port", $"{port}",
            "--tls-cert-file", files.File("tls.pem"),
            "--tls-key-file", files.File("tls.key"),
            "--tls-ca-cert-file", files.File("tls.pem"), "--tls-auth-clients", "no", "--requirepass", password);
        await server.Answering();
        files.Dispose(); // it has read them
        return server;
    }

    /// <summary>What redis-cli prints for a command.</summary>
    public async Task<string> Cli(params string[] command) =>
        (await Shell.Run("redis-cli", ["-p", $"{Port}", .. command], null)).Ok().Trim();

    /// <summary>
    /// What it says it is, "master" or "slave"; empty where it says nothing: Sentinels cut off the clients of one they change.
    /// </summary>
    public async Task<string> Role() => (await Shell.Run("redis-cli", ["-p", $"{Port}", "role"], null)).Output.Split('\n')[0];

    /// <summary>From here on a replica of another one, which may be dead, and read-only.</summary>
    public Task ReplicaOf(int primary) => Cli("replicaof", "127.0.0.1", $"{primary}");

    /// <summary>From here on a primary.</summary>
    public Task Promote() => Cli("replicaof", "no", "one");

    /// <summary>SIGSTOP: the server keeps its sockets and says nothing.</summary>
    public void Freeze() => Signal("STOP");

    public void Thaw() => Signal("CONT");

    /// <summary>After <see cref="Kill"/>: nothing is left of its data.</summary>
    public void Clear()
    {
        Directory.Delete(data.Path, recursive: true);
        Directory.CreateDirectory(data.Path);
    }

    /// <summary>After <see cref="Kill"/>: the same port and data.</summary>
    public async Task Restart()
    {
        process = Launch();
        await Answering();
    }

    public async Task Kill()
    {
        process.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            await Kill();
        process.Dispose();
        data.Dispose();
        configuration.Dispose();
    }

    // Its log goes to a file: a pipe that is not read ends in a server that waits for it.
    private Process Launch() => Process.Start("redis-server",
        [configuration.File("redis.conf"), "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", data.Path,
        "--logfile", configuration.File("redis.log"), .. more]);

    private Task Answering() => Eventually.True(async () =>
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", Port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, "redis-server listens");

    private void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
