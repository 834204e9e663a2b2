using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.CertAuthority.Tests;

/// <summary>What an agent is not: bytes on a connection from an address of one's choice, well formed or not.</summary>
internal sealed class RawAgent : IAsyncDisposable
{
    private readonly Socket socket;
    private Stream stream;

    private RawAgent(Socket socket)
    {
        this.socket = socket;
        stream = new NetworkStream(socket, ownsSocket: true);
    }

    /// <param name="port">On 127.0.0.1.</param>
    /// <param name="from">Any 127.x.y.z.</param>
    public static async Task<RawAgent> Connect(int port, string from = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        try
        {
            await socket.ConnectAsync(IPAddress.Loopback, port);
        }
        catch (SocketException e)
        {
            // Closed as soon as it was accepted.
            socket.Dispose();
            throw new IOException(e.Message, e);
        }
        return new RawAgent(socket);
    }

    /// <param name="own">The certificate it shows, if any.</param>
    public static async Task<RawAgent> Secure(int port, string from = "127.0.0.1", X509Certificate2? own = null)
    {
        var agent = await Connect(port, from);
        var tls = new SslStream(agent.stream, false, (_, shown, _, _) => shown is not null);
        agent.stream = tls;
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ClientCertificateContext = own is null ? null : SslStreamCertificateContext.Create(own, null, offline: true),
        });
        return agent;
    }

    /// <summary>One request on a connection of its own, byte for byte as given: no client library tidies up its path on the way.</summary>
    /// <returns>Status code and whole answer; 0 where the server hung up without a word.</returns>
    public static async Task<(int Status, string Text)> Exchange(
        int port, string method, string target, string body = "", string headers = "", X509Certificate2? own = null)
    {
        await using var agent = await Secure(port, own: own);
        await agent.Send(Encoding.Latin1.GetBytes(
            $"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
                + $"{Encoding.Latin1.GetByteCount(body)}\r\n{headers}\r\n{body}"));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var reader = new StreamReader(agent.stream, Encoding.Latin1, leaveOpen: true);
        var text = await reader.ReadToEndAsync(limit.Token);
        return (text.Split(' ') is ["HTTP/1.1", var status, ..] ? int.Parse(status, CultureInfo.InvariantCulture) : 0, text);
    }

    public ValueTask Send(string text) => stream.WriteAsync(Encoding.ASCII.GetBytes(text));

    public ValueTask Send(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes);

    public ValueTask Put(string name, string body) =>
        Send($"PUT /puppet-ca/v1/certificate_request/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: "
            + $"{body.Length}\r\n\r\n{body}");

    public ValueTask Get(string path) => Send($"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");

    /// <summary>One answer, framed by its Content-Length.</summary>
    public async Task<RawAnswer> Answer()
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0)
                throw new IOException($"the connection ended after '{head}'");
            head.Append((char)one[0]);
        }
        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers["Content-Length"], CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body);
        return new RawAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, Encoding.UTF8.GetString(body));
    }

    /// <summary>This connection; where that answer was its last, a new one.</summary>
    public async Task<RawAgent> Again(RawAnswer last, int port, string from = "127.0.0.1")
    {
        if (last.Headers.GetValueOrDefault("Connection") != "close")
            return this;
        await DisposeAsync();
        return await Secure(port, from);
    }

    /// <summary>When the other side has ended the connection, however.</summary>
    public async Task Closed()
    {
        try
        {
            var rest = new byte[4096];
            while (await stream.ReadAsync(rest) > 0)
            {
            }
        }
        catch (IOException)
        {
            // Reset is closed as well.
        }
    }

    public async ValueTask DisposeAsync()
    {
        socket.Dispose();
        try
        {
            await stream.DisposeAsync();
        }
        catch (IOException)
        {
            // It had no time to say good-bye.
        }
    }
}

internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body);
