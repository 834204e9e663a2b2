using System.Buffers.Binary;
using System.Net;
using Overture.Platform.Records;

namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>What one name and one address may do. By the name in the URL, registered or not, so that 429 tells nobody which names exist.</summary>
internal sealed class Budgets(PuppetLimitOptions limits, TimeProvider clock)
{
    /// <summary>Certificate requests.</summary>
    public Buckets<CertName> Csrs { get; } = new(new Rate(limits.CsrPerMinute, limits.CsrBurst), limits.Remembered, clock);

    /// <summary>Certificate requests with the right token that came when the name's budget was spent.</summary>
    public Buckets<CertName> Proven { get; } = new(new Rate(limits.ProvenPerMinute, limits.ProvenBurst), limits.Remembered, clock);

    /// <summary>Looks at the certificate; of each address by itself, since who only looks can prove nothing, and a stranger who looks must not make the agent wait.</summary>
    public Buckets<(CertName, AddressKey)> Polls { get; } = new(new Rate(limits.PollsPerMinute, limits.PollBurst), limits.Remembered, clock);

    public Buckets<AddressKey> Failures { get; } = new(new Rate(limits.FailuresPerMinute, limits.FailureBurst), limits.Remembered, clock);
}

/// <summary>Who counts as one address: an IPv4 address, or the /64 of an IPv6 one, which its owner has 2^64 of.</summary>
internal readonly record struct AddressKey(ulong Network, ulong Host)
{
    public static AddressKey Of(IPAddress? address)
    {
        Span<byte> bytes = stackalloc byte[16];
        (address ?? IPAddress.None).MapToIPv6().TryWriteBytes(bytes, out _);
        var mapped = address is null || address.MapToIPv6().IsIPv4MappedToIPv6;
        return new(BinaryPrimitives.ReadUInt64BigEndian(bytes), mapped ? BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]) : 0);
    }
}
