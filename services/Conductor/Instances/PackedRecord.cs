using System.IO.Compression;
using Google.Protobuf;

namespace Overture.Conductor.Instances;

/// <summary>Large records as they are stored: gzip of the binary encoding.</summary>
internal static class PackedRecord
{
    private const int Largest = 64 * 1024 * 1024;

    public static byte[] Write(IMessage record)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest))
            record.WriteTo(zip);
        return packed.ToArray();
    }

    /// <exception cref="InvalidDataException">It is damaged, or larger than any that was written.</exception>
    public static T Read<T>(byte[] body, MessageParser<T> parser) where T : IMessage<T>
    {
        using var zip = new GZipStream(new MemoryStream(body), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = zip.Read(buffer)) > 0;)
        {
            plain.Write(buffer, 0, read);
            if (plain.Length > Largest)
                throw new InvalidDataException("a stored record is larger than any that was written");
        }
        return parser.ParseFrom(plain.ToArray());
    }
}
