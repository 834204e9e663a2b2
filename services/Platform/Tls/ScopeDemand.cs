using Overture.Platform.Faults;

namespace Overture.Platform.Tls;

/// <summary>
/// Holds what a call is about against the caller's <see cref="Scope"/>; each service asks here, once it knows the instance. Without a
/// scope all of it passes.
/// </summary>
public static class ScopeDemand
{
    /// <param name="what">For the message: "instance NAME", "this launch".</param>
    /// <param name="profile">Of its launch record, or of what a launch would write there; empty: none.</param>
    /// <param name="labels">As before.</param>
    /// <exception cref="FaultException">SCOPE_MISSING: it is not within the scope.</exception>
    public static void DemandScope(this PeerIdentity peer, string what, string profile, IReadOnlyDictionary<string, string> labels)
    {
        if (!peer.Scope.Admits(profile, labels))
            throw Missing(peer, $"{what} does not match");
    }

    /// <summary>The same for one that was launched or registered, which must not reach beyond the scope either.</summary>
    /// <param name="what">For the message: "instance NAME".</param>
    /// <param name="profile">Of its launch record; empty: none.</param>
    /// <param name="labels">As before.</param>
    /// <param name="role">As before. One that has any answers for every node, or reports of each.</param>
    /// <param name="dnsAltNames">As before: with them its certificate is another host's too.</param>
    /// <exception cref="FaultException">SCOPE_MISSING: it is not within the scope, or no scope can cover it.</exception>
    public static void DemandScopeOfInstance(this PeerIdentity peer, string what, string profile,
        IReadOnlyDictionary<string, string> labels, string role, IReadOnlyCollection<string> dnsAltNames)
    {
        peer.DemandScope(what, profile, labels);
        if (role.Length > 0)
            peer.DemandNoScope($"act on {what}, which has the role {role}");
        if (dnsAltNames.Count > 0)
            peer.DemandNoScope($"act on {what}, which has dns_alt_names");
    }

    /// <summary>For what no scope can cover, because it is not one instance's.</summary>
    /// <param name="what">The rest of the sentence "it must be without a scope to …".</param>
    /// <exception cref="FaultException">SCOPE_MISSING: the caller has a scope.</exception>
    public static void DemandNoScope(this PeerIdentity peer, string what)
    {
        if (peer.Scope.IsLimited)
            throw Missing(peer, $"a certificate must be without a scope to {what}");
    }

    private static FaultException Missing(PeerIdentity peer, string why) =>
        new(FaultKind.Denied, Reason.ScopeMissing, $"{peer.Caller} may only change instances with {peer.Scope}: {why}");
}
