using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.TestSupport;

/// <summary>
/// One kept-alive connection of an agent: TLS and the few lines of HTTP/1.1 that the CA API speaks, because a framework's client costs more
/// than the server that is to be measured on the same cores.
/// </summary>
public sealed class AgentLink : IAsyncDisposable
{
    private readonly byte[] buffer;
    private readonly Socket socket;
    private readonly SslStream tls;

    private AgentLink(Socket socket, SslStream tls, int largest) => (this.socket, this.tls, buffer) = (socket, tls, new byte[largest]);

    /// <param name="port">On 127.0.0.1.</param>
    /// <param name="roots">What the server's certificate is checked by.</param>
    /// <param name="identity">What we show, if anything.</param>
    /// <param name="from">Any 127.x.y.z.</param>
    /// <param name="largest">Bytes of the largest answer, head and all.</param>
    public static async Task<AgentLink> Open(int port, X509Certificate2Collection roots, SslStreamCertificateContext? identity = null,
        string from = "127.0.0.1", int largest = 1024 * 1024)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
            await socket.ConnectAsync(IPAddress.Loopback, port);
            var tls = new SslStream(new NetworkStream(socket));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "localhost",
                CertificateChainPolicy = policy, ClientCertificateContext = identity });
            return new AgentLink(socket, tls, largest);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a request, made before anything is measured.</summary>
    public static byte[] Request(string method, string path, ReadOnlySpan<byte> body = default) =>
        RequestTo(method, $"/puppet-ca/v1/{path}", body);

    /// <summary>The same, to any path.</summary>
    public static byte[] RequestTo(string method, string path, ReadOnlySpan<byte> body = default)
    {
        var head = $"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n"
            + (body.Length > 0 ? string.Create(CultureInfo.InvariantCulture,
                $"Content-Type: text/plain\r\nContent-Length: {body.Length}\r\n\r\n") : "\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }

    /// <returns>The status, and the body: good until the next call.</returns>
    public async ValueTask<(int Status, ReadOnlyMemory<byte> Body)> Send(ReadOnlyMemory<byte> request)
    {
        await tls.WriteAsync(request);
        var (have, head) = (0, -1);
        while (head < 0)
        {
            have += await More(have);
            head = buffer.AsSpan(0, have).IndexOf("\r\n\r\n"u8);
        }
        var body = head + 4;
        var status = int.Parse(buffer.AsSpan(9, 3), CultureInfo.InvariantCulture);
        if (buffer.AsSpan(0, head).IndexOf("chunked"u8) >= 0)
            return (status, await Chunks(body, have));
        var end = body + Length(buffer.AsSpan(0, head));
        while (have < end)
            have += await More(have);
        return (status, buffer.AsMemory(body, end - body));
    }

    // Puppetserver's way: each piece behind its length, the last one empty. Moved together in place.
    private async ValueTask<ReadOnlyMemory<byte>> Chunks(int body, int have)
    {
        for (var (at, to) = (body, body); ;)
        {
            int line;
            while ((line = buffer.AsSpan(at, have - at).IndexOf("\r\n"u8)) < 0)
                have += await More(have);
            var size = int.Parse(buffer.AsSpan(at, line), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            at += line + 2;
            while (have < at + size + 2)
                have += await More(have);
            if (size == 0)
                return buffer.AsMemory(body, to - body);
            buffer.AsSpan(at, size).CopyTo(buffer.AsSpan(to));
            (at, to) = (at + size + 2, to + size);
        }
    }

    public ValueTask DisposeAsync()
    {
        socket.Dispose();
        return tls.DisposeAsync();
    }

    private async ValueTask<int> More(int have) =>
        await tls.ReadAsync(buffer.AsMemory(have)) is > 0 and var read ? read : throw new IOException("the CA API hung up");

    // Answers of the CA API are framed by Content-Length; one without it has no body.
    private static int Length(ReadOnlySpan<byte> head)
    {
        var name = "\r\nContent-Length: "u8;
        var at = head.IndexOf(name);
        if (at < 0)
            return 0;
        var value = head[(at + name.Length)..];
        var end = value.IndexOf((byte)'\r');
        return int.Parse(end < 0 ? value : value[..end], CultureInfo.InvariantCulture);
    }
}
