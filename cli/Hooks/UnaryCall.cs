using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;

namespace Overture.Cli.Hooks;

/// <summary>
/// One unary gRPC call on plain HTTP/2, as gRPC's own description of the protocol has it. Grpc.Net.Client would do it too, but its generic
/// methods, balancer and channel cost a process that makes one call more than the call itself (docs/decisions/0003).
/// </summary>
internal static class UnaryCall
{
    private const int Prefix = 5, MaxBytes = 4 * 1024 * 1024;
    private const string Details = "grpc-status-details-bin";

    /// <param name="http">To the service.</param>
    /// <param name="method">https://HOST:PORT/PACKAGE.SERVICE/METHOD.</param>
    /// <param name="request">Sent uncompressed.</param>
    /// <param name="parser">Of the response.</param>
    /// <param name="traceparent">W3C trace context.</param>
    /// <param name="left">Until it is given up, here and by the service.</param>
    /// <exception cref="RpcException">As Grpc.Net.Client would throw it: the service's status with its details, or UNAVAILABLE with the
    /// cause.</exception>
    public static async Task<T> Send<T>(HttpMessageInvoker http, Uri method, IMessage request, MessageParser<T> parser, string traceparent,
        TimeSpan left)
        where T : IMessage<T>
    {
        using var deadline = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        try
        {
            using var message = Message(method, request, traceparent, left);
            using var response = await http.SendAsync(message, deadline.Token);
            if (response.StatusCode != HttpStatusCode.OK)
                throw Broken(StatusCode.Unavailable, $"HTTP status {(int)response.StatusCode}");
            var body = await Read(response.Content, deadline.Token);
            ThrowUnlessOk(response);
            return parser.ParseFrom(Payload(body));
        }
        catch (OperationCanceledException e)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, "", e));
        }
        catch (Exception e) when (e is HttpRequestException or IOException and not InvalidProtocolBufferException)
        {
            // The service, too, ends it at the deadline, and resets the stream.
            const long Cancel = 8;
            var code = (e as HttpProtocolException ?? e.InnerException as HttpProtocolException)?.ErrorCode == Cancel
                ? StatusCode.DeadlineExceeded : StatusCode.Unavailable;
            throw new RpcException(new Status(code, "", e));
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Broken(StatusCode.Internal, e.Message);
        }
    }

    private static HttpRequestMessage Message(Uri method, IMessage request, string traceparent, TimeSpan left)
    {
        var body = new byte[Prefix + request.CalculateSize()];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - Prefix);
        request.WriteTo(body.AsSpan(Prefix));
        var message = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        message.Headers.TryAddWithoutValidation("te", "trailers");
        message.Headers.TryAddWithoutValidation("grpc-timeout",
            string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, (long)left.TotalMilliseconds)}m"));
        message.Headers.TryAddWithoutValidation("traceparent", traceparent);
        return message;
    }

    private static async Task<ReadOnlyMemory<byte>> Read(HttpContent content, CancellationToken cancel)
    {
        using var stream = await content.ReadAsStreamAsync(cancel);
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (await stream.ReadAsync(buffer.AsMemory(length), cancel) is > 0 and var read)
        {
            length += read;
            if (length > MaxBytes)
                throw Broken(StatusCode.ResourceExhausted, "the answer has more than 4 MiB");
            if (length == buffer.Length)
                Array.Resize(ref buffer, 2 * length);
        }
        return buffer.AsMemory(0, length);
    }

    // In the trailers; in the headers where there is no body.
    private static void ThrowUnlessOk(HttpResponseMessage response)
    {
        var from = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
        if (!int.TryParse(Value(from, "grpc-status"), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            throw Broken(StatusCode.Unknown, "an answer without grpc-status");
        if (code == 0)
            return;
        var trailers = new Metadata();
        if (Value(from, Details) is { Length: > 0 } details && Decoded(details) is { } bytes)
            trailers.Add(Details, bytes);
        throw new RpcException(new Status((StatusCode)code, Uri.UnescapeDataString(Value(from, "grpc-message"))), trailers);
    }

    private static byte[]? Decoded(string base64)
    {
        var padded = base64.PadRight((base64.Length + 3) / 4 * 4, '=');
        var bytes = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, bytes, out var length) ? bytes[..length] : null;
    }

    private static ReadOnlySpan<byte> Payload(ReadOnlyMemory<byte> body)
    {
        var span = body.Span;
        return span.Length >= Prefix && span[0] == 0
            && System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(span[1..]) == span.Length - Prefix
            ? span[Prefix..]
            : throw Broken(StatusCode.Internal, "an answer that is not one uncompressed message");
    }

    private static string Value(HttpResponseHeaders headers, string name) => headers.TryGetValues(name, out var values)
        ? values.FirstOrDefault() ?? "" : "";

    private static RpcException Broken(StatusCode code, string detail) => new(new Status(code, detail));
}
