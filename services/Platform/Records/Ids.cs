using System.Security.Cryptography;

namespace Overture.Platform.Records;

/// <summary>New identifiers, from injected time and randomness.</summary>
public sealed class Ids(TimeProvider clock, RandomNumberGenerator random)
{
    /// <summary>Unguessable: UUIDv4, lower-case. For certnames and write ids.</summary>
    public string Unguessable()
    {
        Span<byte> bytes = stackalloc byte[16];
        random.GetBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    /// <summary>Sorted by time: UUIDv7, lower-case. For every other id.</summary>
    public string Ordered()
    {
        Span<byte> bytes = stackalloc byte[16];
        random.GetBytes(bytes);
        var ms = clock.GetUtcNow().ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++)
            bytes[i] = (byte)(ms >> (40 - (8 * i)));
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    /// <summary>When an ordered id was made, to the millisecond; null: it is no such id.</summary>
    public static DateTimeOffset? TimeOf(string ordered) => Guid.TryParse(ordered, out var id) && id.Version == 7
        ? DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64($"{id:N}"[..12], 16)) : null;

    public CertName CertName() => Records.CertName.Parse(Unguessable());
}
