using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Sessions;

/// <summary>
/// The session is what the console brings to the services, sealed in a cookie: no store holds it, and any replica with the same keys takes
/// it. One that was signed out of is remembered here until it would have ended, and for other replicas, and after a restart, by the
/// Conductor.
/// </summary>
public sealed class SessionCookie(IDataProtectionProvider protection, ConsoleCallers callers, Delegations delegations,
    PeerCertificates own, OpenStreams streams, ConsoleOptions options, TimeProvider clock)
{
    /// <summary>__Host-: of this very host, over HTTPS, for all of its paths.</summary>
    public const string Name = "__Host-overture-session";

    private const int Largest = 4_000, Remembered = 2_000;
    private readonly IDataProtector seal = protection.CreateProtector("session-1");
    private readonly ConcurrentDictionary<string, DateTimeOffset> left = new(StringComparer.Ordinal);
    private readonly BoundedCache<string, DateTimeOffset> entered = new(Remembered);

    /// <summary>Of what shows the services who a person is.</summary>
    /// <exception cref="FaultException">It is not good.</exception>
    public async ValueTask<Session> Open(byte[] delegation, CancellationToken cancel) =>
        new(await callers.Of(own.Current.Leaf, delegation, cancel), delegation);

    /// <summary>Of what a person's own certificate signed, and of nothing else.</summary>
    /// <inheritdoc cref="Open"/>
    public Session OpenDelegation(byte[] delegation) => new(delegations.Verify(own.Current.Leaf, delegation), delegation);

    /// <summary>Refused before a link is made for it, not after the link is spent.</summary>
    /// <exception cref="FaultException">It does not fit into a cookie: the person's certificate, or the provider's token, is too
    /// large.</exception>
    public void MustFit(Session session)
    {
        ArgumentNullException.ThrowIfNull(session);
        Sealed(session);
    }

    /// <exception cref="FaultException">It does not fit into a cookie: the person's certificate, or the provider's token, is too
    /// large.</exception>
    public void Write(HttpContext http, Session session)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(session);
        http.Response.Cookies.Append(Name, Sealed(session), Attributes(session.By.Until));
        entered.Add(session.By.Nonce, clock.GetUtcNow());
    }

    /// <returns>Null: not here, or too many others were since.</returns>
    public DateTimeOffset? EnteredAt(Session session)
    {
        ArgumentNullException.ThrowIfNull(session);
        return entered.TryGet(session.By.Nonce, out var at) ? at : null;
    }

    /// <returns>Null: there is none that is good.</returns>
    /// <exception cref="FaultException">RATE_LIMITED, IDENTITY_PROVIDER_UNAVAILABLE: it can't be verified now.</exception>
    public async ValueTask<Session?> Read(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        if (http.Request.Cookies[Name] is not { Length: > 0 and <= Largest } text)
            return null;
        try
        {
            var session = await Open(seal.Unprotect(Base64Url.DecodeFromChars(text)), http.RequestAborted);
            return left.ContainsKey(session.By.Nonce) ? null : session;
        }
        catch (Exception e) when (e is FormatException or CryptographicException or FaultException { Kind: not FaultKind.Unavailable })
        {
            return null;
        }
    }

    public void End(HttpContext http, Session? session)
    {
        ArgumentNullException.ThrowIfNull(http);
        if (session is not null)
        {
            Forget(session);
        }
        http.Response.Cookies.Delete(Name, Attributes(null));
    }

    /// <summary>It was left, here or elsewhere: its cookie is good no more, and its streams end.</summary>
    public void Forget(Session session)
    {
        ArgumentNullException.ThrowIfNull(session);
        left[session.By.Nonce] = session.By.Until;
        streams.End(session.By.Nonce);
        foreach (var (nonce, _) in left.Where(l => l.Value < clock.GetUtcNow()))
            left.TryRemove(nonce, out _);
    }

    // Of base64url no character is escaped in a cookie.
    private string Sealed(Session session)
    {
        var text = Base64Url.EncodeToString(seal.Protect(session.Delegation));
        return text.Length <= Largest ? text
            : throw (session.By is CertifiedPeer
                ? FaultException.Invalid("certificate", $"makes a cookie of {text.Length} bytes, and browsers keep {Largest}")
                : FaultException.Invalid("token", $"makes a cookie of {text.Length} bytes, and browsers keep {Largest}: have the provider "
                    + $"put fewer groups into the claim {options.OpenIdConnect.GroupsClaim}, those of openIdConnect.grants alone"));
    }

    private static CookieOptions Attributes(DateTimeOffset? until) => new()
    {
        Path = "/", HttpOnly = true, Secure = true, SameSite = SameSiteMode.Strict, Expires = until, IsEssential = true,
    };
}
