using Microsoft.AspNetCore.Http;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Sessions;

/// <summary>Mark of a route that is answered without a session.</summary>
public sealed record Open;

/// <summary>A person who is signed in: whom the services see, and what shows it to them.</summary>
/// <param name="By">As this console verified it; the services verify it again at each call.</param>
/// <param name="Delegation">In protobuf's encoding.</param>
public sealed record Session(DelegatedPeer By, byte[] Delegation)
{
    /// <summary>"jo (operator)".</summary>
    public string Person => (By.Peer with { Through = "" }).Caller;

    /// <summary>What buttons are shown by; whether something is done, the services decide.</summary>
    public bool MayChange => By.Peer.Roles.Overlaps([Role.Operator, Role.Admin]);

    public static Session? Of(HttpContext http) => http.Features.Get<Session>();

    /// <exception cref="InvalidOperationException">The route is one that needs no session.</exception>
    public static Session Required(HttpContext http) => Of(http) ?? throw new InvalidOperationException("there is no session");
}
