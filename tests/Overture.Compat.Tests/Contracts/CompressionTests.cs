using System.IO.Compression;
using Grpc.Net.Compression;

namespace Overture.Compat.Tests.Contracts;

public sealed class CompressionTests
{
    private static readonly byte[] Data = [.. Enumerable.Range(0, 5000).Select(i => (byte)(i % 7))];

    [Fact]
    public void Gzip_Written_IsGzipFormat() =>
        Assert.Equal(new byte[] { 0x1f, 0x8b }, Compressed(new GzipCompressionProvider(CompressionLevel.Fastest), "gzip")[..2]);

    // RFC 1950: the low half of the first byte is the method 8, and the first two bytes together divide by 31.
    [Fact]
    public void Deflate_Written_IsZlibFormat()
    {
        var bytes = Compressed(new DeflateCompressionProvider(CompressionLevel.Fastest), "deflate");

        Assert.Equal(8, bytes[0] & 0x0f);
        Assert.Equal(0, ((bytes[0] << 8) | bytes[1]) % 31);
    }

    [Fact]
    public void Level_GivenWithTheCall_WinsOverTheDefault()
    {
        var provider = new GzipCompressionProvider(CompressionLevel.SmallestSize);

        Assert.True(Compressed(provider, "gzip", CompressionLevel.NoCompression).Length > Data.Length);
    }

    private static byte[] Compressed(ICompressionProvider provider, string name, CompressionLevel? level = null)
    {
        Assert.Equal(name, provider.EncodingName);
        using var compressed = new MemoryStream();
        using (var stream = provider.CreateCompressionStream(compressed, level))
        {
            stream.Write(Data);
        }

        Assert.True(compressed.CanWrite); // the inner stream was left open
        compressed.Position = 0;
        using var read = new MemoryStream();
        using (var stream = provider.CreateDecompressionStream(compressed))
        {
            stream.CopyTo(read);
        }

        Assert.True(compressed.CanRead); // as above
        Assert.Equal(Data, read.ToArray());
        return compressed.ToArray();
    }
}
