using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace Overture.TestSupport;

/// <summary>A real redis-server on a free port of loopback, append-only, gone when the test is.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly TempDirectory data = new();
    private readonly string[] more;
    private Process process;

    private RedisServer(int port, params string[] more)
    {
        Port = port;
        this.more = more;
        process = Launch();
    }

    public int Port { get; }
    public string Endpoint => $"127.0.0.1:{Port}";

    public static async Task<RedisServer> Start()
    {
        var server = new RedisServer(FreePort.Next());
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
        var server = new RedisServer(port, "--port", "0", "--tls-port", $"{port}", "--tls-cert-file", files.File("tls.pem"), "--tls-key-file", files.File("tls.key"),
            "--tls-ca-cert-file", files.File("tls.pem"), "--tls-auth-clients", "no", "--requirepass", password);
        await server.Answering();
        files.Dispose(); // it has read them
        return server;
    }

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
    }

    private Process Launch() => Process.Start(new ProcessStartInfo(
        "redis-server", ["--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", data.Path, "--appendonly", "yes", "--save", "", .. more])
    {
        RedirectStandardOutput = true,
    })!;

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
