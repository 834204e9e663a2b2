namespace Overture.CertAuthority.Audit;

/// <summary>Who asked: a name proven by TLS (or what part of this service), and the address it came from.</summary>
internal sealed record Caller(string Actor, string Peer)
{
    public System.Net.IPAddress? Address => System.Net.IPAddress.TryParse(Peer, out var address) ? address : null;

    /// <summary>An agent has no certificate yet.</summary>
    public static Caller Agent(System.Net.IPAddress? address) => new("agent", PeerOf(address));

    /// <summary>As records spell it: an IPv4 client of a dual-stack socket as plain IPv4, so that it is found by its address.</summary>
    public static string PeerOf(System.Net.IPAddress? address) =>
        address is null ? "" : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();

    /// <summary>Whether a record's address is this one, in whatever spelling.</summary>
    public static bool SamePeer(string recorded, System.Net.IPAddress address) =>
        System.Net.IPAddress.TryParse(recorded, out var known) && PeerOf(known) == PeerOf(address);

    /// <summary>CertAuthority of its own accord: a sweep, a renewal.</summary>
    public static Caller Own(string part) => new($"certauthority/{part}", "");
}
