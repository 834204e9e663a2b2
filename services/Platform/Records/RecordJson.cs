using System.Text;
using Google.Protobuf;

namespace Overture.Platform.Records;

/// <summary>Stored records as proto JSON; readers ignore fields they do not know, so that old and new services share a bucket.</summary>
public static class RecordJson
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default);

    public static byte[] Write(IMessage record) => Encoding.UTF8.GetBytes(Formatter.Format(record));

    public static string WriteText(IMessage record) => Formatter.Format(record);

    /// <exception cref="InvalidDataException">The bytes are not this record, or no UTF-8: a damaged object.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json) where T : IMessage, new()
    {
        try
        {
            return Read<T>(Utf8Text.Read(json));
        }
        catch (NotUtf8Exception e)
        {
            throw new InvalidDataException($"a stored {typeof(T).Name} {e.Message}", e);
        }
    }

    public static T Read<T>(string json) where T : IMessage, new()
    {
        try
        {
            return Parser.Parse<T>(json);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw new InvalidDataException($"a stored {typeof(T).Name} does not parse: {e.Message}", e);
        }
    }
}
