namespace Overture.CertAuthority.Audit;

/// <summary>Who asked: a name proven by TLS (or what part of this service), and the address it came from.</summary>
internal sealed record Caller(string Actor, string Peer)
{
    public System.Net.IPAddress? Address => System.Net.IPAddress.TryParse(Peer, out var address) ? address : null;

    /// <summary>An agent has no certificate yet.</summary>
    public static Caller Agent(System.Net.IPAddress? address) => new("agent", address?.ToString() ?? "");

    /// <summary>CertAuthority of its own accord: a sweep, a renewal.</summary>
    public static Caller Own(string part) => new($"certauthority/{part}", "");
}
