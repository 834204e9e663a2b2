using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Overture.Load;

/// <summary>
/// One connection for gRPC's unary calls: TLS, and the few frames of HTTP/2 (RFC 9113) that they take. A framework's client costs several
/// times what the server spends that is to be measured on the same cores. A call is good when it has a message: gRPC tells errors without
/// one.
/// </summary>
internal sealed class GrpcLink : IAsyncDisposable
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, EndStream = 1,
        Acknowledged = 1, EndHeaders = 4;
    private const int FrameHeader = 9, WindowStep = 1 << 26;

    private readonly SslStream tls;
    private readonly Lock gate = new();
    private readonly Dictionary<int, TaskCompletionSource<bool>> waiting = [];
    private readonly HashSet<int> answered = [];
    private readonly byte[] head;
    private MemoryStream pending = new(), flushed = new();
    private bool flushing;
    private int next = 1, received;

    private GrpcLink(SslStream tls, byte[] head) => (this.tls, this.head) = (tls, head);

    /// <param name="port">Of localhost.</param>
    /// <param name="method">"/package.Service/Method".</param>
    /// <param name="identity">What we show.</param>
    /// <param name="roots">What the server's certificate is checked by.</param>
    public static async Task<GrpcLink> Open(int port, string method, SslStreamCertificateContext identity, X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync("127.0.0.1", port);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost", CertificateChainPolicy = policy, ClientCertificateContext = identity,
            ApplicationProtocols = [SslApplicationProtocol.Http2],
        });
        var link = new GrpcLink(tls, HeaderBlock(port, method));
        link.Put(w =>
        {
            w.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8);
            Frame(w, Settings, 0, 0, []);
            Frame(w, WindowUpdate, 0, 0, Number(1 << 30));
        });
        _ = Task.Run(link.ReadAll);
        return link;
    }

    /// <param name="message">Protobuf.</param>
    /// <returns>Whether there was an answer.</returns>
    public Task<bool> Call(ReadOnlyMemory<byte> message)
    {
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Put(w =>
        {
            var stream = next;
            next += 2;
            waiting[stream] = answer;
            Frame(w, Headers, EndHeaders, stream, head);
            Span<byte> prefixed = stackalloc byte[5 + message.Length];
            BinaryPrimitives.WriteInt32BigEndian(prefixed[1..], message.Length);
            message.Span.CopyTo(prefixed[5..]);
            Frame(w, Data, EndStream, stream, prefixed);
        });
        return answer.Task;
    }

    public ValueTask DisposeAsync() => tls.DisposeAsync();

    // What several write at a time goes out together.
    private void Put(Action<MemoryStream> write)
    {
        lock (gate)
        {
            write(pending);
            if (flushing)
                return;
            flushing = true;
        }
        _ = Flush();
    }

    private async Task Flush()
    {
        while (true)
        {
            lock (gate)
            {
                if (pending.Length == 0)
                {
                    flushing = false;
                    return;
                }
                (pending, flushed) = (flushed, pending);
                pending.SetLength(0);
            }
            await tls.WriteAsync(flushed.GetBuffer().AsMemory(0, (int)flushed.Length));
        }
    }

    private async Task ReadAll()
    {
        var buffer = new byte[256 * 1024];
        var (from, to) = (0, 0);
        try
        {
            while (true)
            {
                while (to - from >= FrameHeader && Length(buffer, from) is var length && to - from >= FrameHeader + length)
                {
                    Take(buffer.AsSpan(from, FrameHeader + length));
                    from += FrameHeader + length;
                }
                buffer.AsSpan(from, to - from).CopyTo(buffer);
                (from, to) = (0, to - from);
                var read = await tls.ReadAsync(buffer.AsMemory(to));
                if (read == 0)
                    break;
                to += read;
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // told below
        }
        lock (gate)
        {
            foreach (var call in waiting.Values)
                call.TrySetResult(false);
        }
    }

    private static int Length(byte[] buffer, int at) => (buffer[at] << 16) | (buffer[at + 1] << 8) | buffer[at + 2];

    private void Take(ReadOnlySpan<byte> frame)
    {
        var (type, flags, stream) = (frame[3], frame[4], BinaryPrimitives.ReadInt32BigEndian(frame[5..]));
        switch (type)
        {
            case Data:
                answered.Add(stream);
                received += frame.Length - FrameHeader;
                if (received > WindowStep)
                {
                    Put(w => Frame(w, WindowUpdate, 0, 0, Number(WindowStep)));
                    received -= WindowStep;
                }
                break;
            case Settings when (flags & Acknowledged) == 0:
                Put(w => Frame(w, Settings, Acknowledged, 0, []));
                return;
            case Ping when (flags & Acknowledged) == 0:
                var opaque = frame[FrameHeader..].ToArray();
                Put(w => Frame(w, Ping, Acknowledged, 0, opaque));
                return;
            case Reset:
                End(stream, false);
                return;
            case GoAway:
                throw new IOException("the server ends the connection");
        }
        if (type is Data or Headers && (flags & EndStream) != 0)
            End(stream, answered.Remove(stream));
    }

    private void End(int stream, bool good)
    {
        TaskCompletionSource<bool>? call;
        lock (gate)
            waiting.Remove(stream, out call);
        call?.TrySetResult(good);
    }

    private static void Frame(MemoryStream to, byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = stackalloc byte[FrameHeader];
        BinaryPrimitives.WriteInt32BigEndian(header, payload.Length << 8);
        (header[3], header[4]) = (type, flags);
        BinaryPrimitives.WriteInt32BigEndian(header[5..], stream);
        to.Write(header);
        to.Write(payload);
    }

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }

    // HPACK (RFC 7541) with nothing remembered: static indexes, plain literals.
    private static byte[] HeaderBlock(int port, string method)
    {
        var block = new MemoryStream();
        void Literal(int nameIndex, string value)
        {
            if (nameIndex < 15)
                block.WriteByte((byte)nameIndex);
            else
                block.Write([15, (byte)(nameIndex - 15)]);
            block.WriteByte((byte)value.Length);
            block.Write(Encoding.ASCII.GetBytes(value));
        }

        block.Write([0x83, 0x87]); // :method POST, :scheme https
        Literal(4, method);
        Literal(1, $"localhost:{port}");
        Literal(31, "application/grpc");
        block.WriteByte(0);
        block.WriteByte(2);
        block.Write("te"u8);
        block.WriteByte(8);
        block.Write("trailers"u8);
        return block.ToArray();
    }
}
