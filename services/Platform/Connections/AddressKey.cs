using System.Buffers.Binary;
using System.Net;

namespace Overture.Platform.Connections;

/// <summary>Who counts as one address: an IPv4 address, or the /64 of an IPv6 one, which its owner has 2^64 of.</summary>
public readonly record struct AddressKey(ulong Network, ulong Host)
{
    public static AddressKey Of(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        (address ?? IPAddress.None).MapToIPv6().TryWriteBytes(bytes, out _);
        var mapped = address is null || address.MapToIPv6().IsIPv4MappedToIPv6;
        return new(BinaryPrimitives.ReadUInt64BigEndian(bytes), mapped ? BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) : 0);
    }
}
