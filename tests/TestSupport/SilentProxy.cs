using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Overture.TestSupport;

/// <summary>A TCP proxy on loopback that can swallow everything without closing anything, as a packet filter that drops does.</summary>
public sealed class SilentProxy : IAsyncDisposable
{
    private readonly TcpListener listener;
    private readonly ConcurrentBag<Socket> open = [];
    private readonly CancellationTokenSource ending = new();
    private readonly Task accepting;
    private volatile bool cut;
    private volatile TaskCompletionSource thawed = Open();
    private int accepted;

    /// <param name="target">Port of 127.0.0.1.</param>
    /// <param name="address">Where it listens; null: 127.0.0.1.</param>
    /// <param name="port">Of that; 0: a free one.</param>
    public SilentProxy(int target, IPAddress? address = null, int port = 0)
    {
        Target = target;
        listener = new TcpListener(address ?? IPAddress.Loopback, port);
        listener.Start();
        accepting = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The port where new connections lead to; those that are open stay where they are.</summary>
    public int Target { get; set; }

    /// <summary>Connections taken until now.</summary>
    public int Accepted => Volatile.Read(ref accepted);

    /// <summary>As of a target that is stopped (SIGSTOP): connections are accepted and stay open, and nothing moves.</summary>
    public void Freeze() => thawed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Goes on, with what was sent meanwhile.</summary>
    public void Thaw() => thawed.TrySetResult();

    /// <summary>Nothing gets through any more, either way; new connections are taken and get no answer.</summary>
    public void Cut() => cut = true;

    /// <summary>New connections get through again; what was sent meanwhile is lost, and its connections with it.</summary>
    public void Heal()
    {
        Reset();
        cut = false;
    }

    /// <summary>RST to every open connection.</summary>
    public void Reset()
    {
        while (open.TryTake(out var socket))
            socket.Close(0);
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        listener.Stop();
        Reset();
        Thaw();
        await accepting;
        ending.Dispose();
    }

    private async Task Accept()
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                var near = await listener.AcceptSocketAsync(ending.Token);
                open.Add(near);
                Interlocked.Increment(ref accepted);
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                open.Add(far);
                await far.ConnectAsync(IPAddress.Loopback, Target, ending.Token);
                _ = Copy(near, far);
                _ = Copy(far, near);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The test ended, or nothing listens at the target: the client sees a connection that closes or stays silent.
            }
        }
    }

    private static TaskCompletionSource Open()
    {
        var open = new TaskCompletionSource();
        open.SetResult();
        return open;
    }

    // What ends in one direction ends in that one alone: a socket that is closed while the other direction still reads from it sends RST,
    // and its peer may lose an answer that had arrived.
    private async Task Copy(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            for (int read; (read = await from.ReceiveAsync(buffer, ending.Token)) > 0;)
            {
                await thawed.Task;
                if (!cut)
                    await to.SendAsync(buffer.AsMemory(0, read), ending.Token);
            }
            if (!cut)
                to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            if (!cut)
                to.Dispose();
        }
    }
}
