using System.IO.Compression;

namespace Grpc.Net.Compression;

/// <summary>One message encoding. The streams it makes leave the inner stream open: it belongs to the call.</summary>
public interface ICompressionProvider
{
    /// <summary>The name in the <c>grpc-encoding</c> header.</summary>
    string EncodingName { get; }

    /// <summary>A stream that writes compressed to <paramref name="stream"/>; without a level, at the provider's own.</summary>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    Stream CreateDecompressionStream(Stream stream);
}
