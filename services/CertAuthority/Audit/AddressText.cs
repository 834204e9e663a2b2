using System.Net;

namespace Overture.CertAuthority.Audit;

/// <summary>The spelling of addresses in records and logs.</summary>
internal static class AddressText
{
    /// <summary>An IPv4 address, also one that comes as IPv6; of any other IPv6 one its /64.</summary>
    public static string Of(IPAddress address)
    {
        if (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork || address.IsIPv4MappedToIPv6)
            return address.MapToIPv4().ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
