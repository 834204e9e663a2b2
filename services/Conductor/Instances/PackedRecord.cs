using System.IO.Compression;
using Google.Protobuf;
using Overture.Platform.Faults;
using Overture.Platform.Records;

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

    /// <param name="key">Of its object, for the error.</param>
    /// <param name="body">What lies there.</param>
    /// <param name="parser">Of its kind.</param>
    /// <exception cref="UnreadableObjectException">It is damaged, or larger than any that was written.</exception>
    public static T Read<T>(string key, byte[] body, MessageParser<T> parser) where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(Unpacked(key, body));
        }
        catch (Exception e) when (e is InvalidDataException or InvalidProtocolBufferException)
        {
            throw new UnreadableObjectException(key, $"is damaged: {PrintableText.Of(e.Message)}", e);
        }
    }

    private static byte[] Unpacked(string key, byte[] body)
    {
        using var zip = new GZipStream(new MemoryStream(body), CompressionMode.Decompress);
        using var plain = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = zip.Read(buffer)) > 0;)
        {
            plain.Write(buffer, 0, read);
            if (plain.Length > Largest)
                throw new UnreadableObjectException(key, "is larger than any that was written");
        }
        return plain.ToArray();
    }
}
