using Grpc.Core;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.Api;

/// <summary>Holds a host against the scope of the caller's certificate, by the launch record that the Conductor signed.</summary>
internal sealed class CallerScope(EnrollmentContextReader records)
{
    /// <summary>A host without a launch record has neither profile nor labels: no scope covers it.</summary>
    /// <exception cref="Platform.Faults.FaultException">SCOPE_MISSING.</exception>
    public async Task Demand(string certname, ServerCallContext context)
    {
        var peer = context.Peer();
        if (!peer.Scope.IsLimited)
            return;
        if (CertName.TryParse(certname, out var name, out _)
            && (await records.Launch(name, context.CancellationToken)).Launch is { } launch)
        {
            peer.DemandScopeOfInstance($"instance {name}", launch.Profile, launch.Labels, launch.Role, launch.DnsAltNames);
        }
        else
        {
            peer.DemandNoScope("act on a host that was not launched or registered here");
        }
    }
}

/// <summary>The caller, as the audit log has it.</summary>
internal static class CallerOfCall
{
    public static Caller By(this ServerCallContext context) =>
        new(context.Peer().Caller, Caller.PeerOf(context.GetHttpContext().Connection.RemoteIpAddress));
}
