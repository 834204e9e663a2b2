using System.Buffers;
using Overture.CertAuthority.Csr;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>The body of a PUT: no more of it is ever read than may be taken.</summary>
internal static class CsrBody
{
    /// <returns>The body; where it is too large, one byte more than allowed, which the act then refuses and writes down.</returns>
    public static async Task<ReadOnlyMemory<byte>> Read(HttpRequest request, int most, CancellationToken cancel)
    {
        if (request.ContentLength > most)
            return new byte[most + 1];
        var buffer = new ArrayBufferWriter<byte>(4096);
        while (buffer.WrittenCount <= most)
        {
            var room = most + 1 - buffer.WrittenCount;
            var read = await request.Body.ReadAsync(buffer.GetMemory(Math.Min(room, 4096))[..Math.Min(room, 4096)], cancel);
            if (read == 0)
                break;
            buffer.Advance(read);
        }
        return buffer.WrittenMemory;
    }
}
