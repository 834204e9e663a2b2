using System.Net;
using System.Net.Sockets;
using System.Text;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>The double between a client and a real server adds no fault of its own.</summary>
[Trait("Category", "integration")]
public sealed class SilentProxyTests
{
    // A server of HTTP/1.0 closes each connection behind its answer.
    [Fact]
    public async Task Answer_OfAServerThatClosesBehindIt_ArrivesWholeAndEnds()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var proxy = new SilentProxy(((IPEndPoint)listener.LocalEndpoint).Port);
        using var client = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await client.ConnectAsync(IPAddress.Loopback, proxy.Port, limit.Token);
        await client.SendAsync("PUT"u8.ToArray(), limit.Token);
        using (var server = await listener.AcceptSocketAsync(limit.Token))
        {
            await server.ReceiveAsync(new byte[3], limit.Token);
            await server.SendAsync("200"u8.ToArray(), limit.Token);
            server.Shutdown(SocketShutdown.Both);
        }
        // Both the answer and its end are there before the client looks.
        await Eventually.True(() => Task.FromResult(client.Poll(0, SelectMode.SelectRead) && client.Available == 3), "the answer is here");
        var answer = new byte[16];
        Assert.Equal("200", Encoding.ASCII.GetString(answer, 0, await client.ReceiveAsync(answer, limit.Token)));
        Assert.Equal(0, await client.ReceiveAsync(answer, limit.Token));
    }
}
