using System.Net;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>
/// What the provider must say of the instance, by the Conductor's signed observation; CertAuthority itself knows no cloud.
/// </summary>
internal static class InstanceProof
{
    /// <summary>An observation older than this says nothing about now.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    public static bool IsFresh(Observation? observed, DateTimeOffset now) =>
        observed is not null && (now - observed.At.ToDateTimeOffset()).Duration() <= Fresh;

    public static IEnumerable<AuthorizationCheck> Of(EnrollmentContext e, LaunchRecord launch)
    {
        if (launch.Attestation is not (Attestation.Source or Attestation.Provider))
        {
            // Not required; recorded for later questions.
            yield return Authorization.Make("peer", "any", ObservedText(e), passed: true, Reason.None, "");
            yield break;
        }
        yield return Authorization.Make("observed", $"within {Fresh.TotalSeconds:0} s",
            e.Observed is { } o ? $"{o.At.ToDateTimeOffset():O}" : "never", IsFresh(e.Observed, e.Now),
            Reason.InstanceUnconfirmed, "the Conductor has not reported the provider's state of this instance in time; is it running?");
        if (e.Observed is not { } seen)
            yield break;
        var same = seen.Account == launch.Account && seen.Provider == launch.Provider;
        yield return Authorization.Make("account", $"{launch.Provider} {launch.Account}", $"{seen.Provider} {seen.Account}", same,
            Reason.InstanceNotRunning, "the observed instance belongs to another account");
        if (launch.Attestation == Attestation.Provider)
        {
            yield return Authorization.Make("running", "running", seen.State, seen.State == "running",
                Reason.InstanceNotRunning, "the provider reports that the instance is not running");
        }
        yield return Authorization.Make("source", string.Join(" or ", seen.Addresses), e.Peer is null ? "unknown" : $"{Plain(e.Peer)}",
            e.Peer is not null && seen.Addresses.Any(a => Same(a, e.Peer)),
            Reason.SourceMismatch, e.Peer is null
                ? "the request's source address is unknown: puppetserver's own CA does not report it; launch with attestation token for "
                    + "that one"
                : "the request does not come from the instance's address: a proxy or NAT is in between, or another host has its token");
    }

    private static bool Same(string address, IPAddress peer) => IPAddress.TryParse(address, out var known) && known.Equals(Plain(peer));

    private static IPAddress Plain(IPAddress peer) => peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer;

    private static string ObservedText(EnrollmentContext e) => (e.Peer, e.Observed) switch
    {
        (null, _) => "none",
        (var peer, { Addresses.Count: > 0 } seen) =>
            $"{Plain(peer)}, "
                + (seen.Addresses.Any(a => Same(a, peer)) ? "the instance's"
                    : $"while the instance has {string.Join(", ", seen.Addresses)}"),
        var (peer, _) => $"{Plain(peer)}",
    };
}
