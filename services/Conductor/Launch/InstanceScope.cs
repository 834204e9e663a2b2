using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Conductor.Launch;

/// <summary>Holds an instance, or what is to be one, against the scope of the caller's certificate.</summary>
internal sealed class InstanceScope(LaunchLedger ledger)
{
    /// <param name="peer">The caller; without a scope nothing is read.</param>
    /// <param name="certname">Whose; by its signed launch record.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The name.</returns>
    /// <exception cref="Platform.Faults.FaultException">SCOPE_MISSING; NOT_FOUND: no such instance.</exception>
    public async Task<CertName> Demand(PeerIdentity peer, string certname, CancellationToken cancel)
    {
        var name = CertName.Parse(certname);
        if (!peer.Scope.IsLimited)
            return name;
        var record = await ledger.Standing(name, cancel) ?? throw Lookup.Unknown(name);
        peer.DemandScopeOfInstance($"instance {name}", record.Profile, record.Labels, record.Role, record.DnsAltNames);
        return name;
    }

    /// <summary>What a launch would make must be within the scope, and must not pass for what is outside of it.</summary>
    /// <exception cref="Platform.Faults.FaultException">SCOPE_MISSING.</exception>
    public static void Demand(PeerIdentity peer, LaunchSpec spec)
    {
        peer.DemandScope("what is to be launched", spec.Profile, spec.Labels);
        // A puppetserver answers for every node and reports of each; a certificate with another host's name is that host.
        if (spec.Role.Length > 0)
            peer.DemandNoScope($"launch with role {spec.Role}");
        if (spec.DnsAltNames.Count > 0)
            peer.DemandNoScope("launch with dns_alt_names");
    }

    /// <inheritdoc cref="Demand(PeerIdentity, LaunchSpec)"/>
    public static void Demand(PeerIdentity peer, RegisterInstanceRequest request)
    {
        if (request.Spec is { } spec)
            Demand(peer, spec);
        // The host may be another's already: registered, it would come into the scope.
        if (request.Certname.Length > 0)
            peer.DemandNoScope("register a host under a name of its own");
    }
}
