using System.Buffers;
using Microsoft.AspNetCore.Http.Features;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>The body of a request, of which never more is read than its route takes.</summary>
internal static class RequestBody
{
    /// <summary>Of a request that administers: JSON.</summary>
    public const int AdminBytes = 64 * 1024;

    /// <summary>Of an uploaded CRL; no route takes more.</summary>
    public const int CrlBytes = 10 * 1024 * 1024;

    private const int Drained = 1024 * 1024 + (64 * 1024);

    /// <param name="request">Its Content-Length is believed only where it says "too much".</param>
    /// <param name="limit">Bytes this route takes.</param>
    /// <param name="cancel">The client has gone.</param>
    /// <returns>The body; where it is too large, one byte more than allowed, which the act then refuses and writes down.</returns>
    public static async Task<ReadOnlyMemory<byte>> Read(HttpRequest request, int limit, CancellationToken cancel)
    {
        // Of a body that is somewhat too large Kestrel reads the rest away, so that its sender gets to see our answer; of one that is much
        // too large it reads nothing more.
        if (request.HttpContext.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } most)
            most.MaxRequestBodySize = Math.Max(limit, Drained);
        if (request.ContentLength > limit)
            return new byte[limit + 1];
        var buffer = new ArrayBufferWriter<byte>(4096);
        try
        {
            while (buffer.WrittenCount <= limit)
            {
                var room = Math.Min(limit + 1 - buffer.WrittenCount, 4096);
                var read = await request.Body.ReadAsync(buffer.GetMemory(room)[..room], cancel);
                if (read == 0)
                    break;
                buffer.Advance(read);
            }
            return buffer.WrittenMemory;
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return new byte[limit + 1];
        }
    }
}
