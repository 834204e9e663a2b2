using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A restart by a service manager that keeps the listening sockets: who calls meanwhile waits, and is answered.</summary>
[Trait("Category", "integration")]
public sealed class KeptListenersTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private readonly ConductorFixture world = new();
    private readonly int port = FreePort.Next();
    private Process manager = null!;

    public Task InitializeAsync()
    {
        var command = world.ProcessCommand(port);
        manager = Process.Start(new ProcessStartInfo("python3",
            [Path.Combine(AppContext.BaseDirectory, "testdata/service_manager.py"), world.Data.File("notify"), .. command])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        })!;
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        manager.StandardInput.Close();
        await manager.WaitForExitAsync().WaitAsync(Limit);
        manager.Dispose();
        world.Dispose();
    }

    [Fact]
    public async Task Restart_CallsMadeMeanwhile_WaitAndAreAnswered()
    {
        Assert.Equal($"ready 127.0.0.1_{port}", await Command("start"));
        Assert.True(await Serves(port));
        Assert.Equal("stopped", await Command("stop"));

        // The kernel takes the connection; nothing answers yet.
        var call = Serves(port);
        using var plain = new TcpClient();
        await plain.ConnectAsync(IPAddress.Loopback, port);
        Assert.False(call.IsCompleted);

        Assert.Equal($"ready 127.0.0.1_{port}", await Command("start"));
        Assert.True(await call);
        // Once more: what was handed over is handed over again.
        Assert.Equal("stopped", await Command("stop"));
        call = Serves(port);
        Assert.Equal($"ready 127.0.0.1_{port}", await Command("start"));
        Assert.True(await call);
    }

    [Fact]
    public async Task Restart_WithAnotherPort_GivesUpTheOldOne()
    {
        await Command("start");
        await Command("stop");
        var other = FreePort.Next();
        world.ProcessCommand(other);
        Assert.Equal($"ready 127.0.0.1_{other}", await Command("start"));
        Assert.True(await Serves(other));
        using var plain = new TcpClient();
        Assert.Equal(SocketError.ConnectionRefused,
            (await Assert.ThrowsAsync<SocketException>(() => plain.ConnectAsync(IPAddress.Loopback, port))).SocketErrorCode);
    }

    [Fact]
    public async Task Restart_WithAnotherAddressOfThePort_BindsItAtOnce()
    {
        world.ProcessCommand(port, "0.0.0.0");
        Assert.Equal($"ready 0.0.0.0_{port}", await Command("start"));
        await Command("stop");
        world.ProcessCommand(port);
        Assert.Equal($"ready 127.0.0.1_{port}", await Command("start"));
        Assert.True(await Serves(port));
    }

    // The first call of a channel of its own.
    private async Task<bool> Serves(int at)
    {
        using var channel = world.Pki.Channel(at, "admin");
        var answer = await new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = "liveness" },
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime + Limit);
        return answer.Status == HealthCheckResponse.Types.ServingStatus.Serving;
    }

    private async Task<string?> Command(string word)
    {
        await manager.StandardInput.WriteLineAsync(word);
        await manager.StandardInput.FlushAsync();
        return await manager.StandardOutput.ReadLineAsync().WaitAsync(Limit);
    }
}
