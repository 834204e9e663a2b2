using System.Security.Cryptography;
using Google.Protobuf;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>
/// Records that were parsed or written a moment ago, by the hash of their bytes: the store is asked all the same, only the parsing of bytes
/// that were seen before is saved (a claim's takes longer than its reading).
/// </summary>
internal sealed class ParsedRecords
{
    private const int Largest = 32 * 1024;
    private readonly BoundedCache<(Type, UInt128, UInt128), IMessage> seen = new(2000);

    public T Read<T>(byte[] body) where T : class, IMessage, new()
    {
        if (body.Length > Largest)
            return RecordJson.Read<T>(body);
        var key = KeyOf(typeof(T), body);
        if (seen.TryGet(key, out var known))
            return (T)Copy(known);
        var record = RecordJson.Read<T>(body);
        seen.Add(key, Copy(record));
        return record;
    }

    /// <summary>The bytes of a record, which will soon be read back.</summary>
    public byte[] Write(IMessage record)
    {
        var body = RecordJson.Write(record);
        if (body.Length <= Largest)
            seen.Add(KeyOf(record.GetType(), body), Copy(record));
        return body;
    }

    // A record is mutable, so each caller gets its own copy.
    private static IMessage Copy(IMessage record) => record switch
    {
        Overture.Records.V1.Claim r => r.Clone(),
        Overture.Records.V1.CertificateRecord r => r.Clone(),
        Overture.Records.V1.SignedLaunch r => r.Clone(),
        _ => record.Descriptor.Parser.ParseFrom(record.ToByteString()),
    };

    private static (Type, UInt128, UInt128) KeyOf(Type type, byte[] body)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(body, hash);
        return (type, System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash),
            System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash[16..]));
    }
}
