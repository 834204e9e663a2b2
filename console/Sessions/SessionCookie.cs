using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.Console.Sessions;

/// <summary>
/// The session is the delegation itself, sealed in a cookie: no store holds it, and any replica with the same keys takes it. One that was
/// signed out of is remembered here until it would have ended.
/// </summary>
public sealed class SessionCookie(IDataProtectionProvider protection, Delegations delegations, PeerCertificates own, TimeProvider clock)
{
    /// <summary>__Host-: of this very host, over HTTPS, for all of its paths.</summary>
    public const string Name = "__Host-overture-session";

    private const int Largest = 4_000;
    private readonly IDataProtector seal = protection.CreateProtector("session-1");
    private readonly ConcurrentDictionary<string, DateTimeOffset> left = new(StringComparer.Ordinal);

    /// <summary>Of a delegation that a person brings.</summary>
    /// <exception cref="FaultException">It is not good.</exception>
    public Session Open(byte[] delegation) => new(delegations.Verify(own.Current.Leaf, delegation), delegation);

    /// <exception cref="FaultException">It does not fit into a cookie: the person's certificate is too large.</exception>
    public void Write(HttpContext http, Session session)
    {
        ArgumentNullException.ThrowIfNull(http);
        ArgumentNullException.ThrowIfNull(session);
        var text = Convert.ToBase64String(seal.Protect(session.Delegation));
        if (text.Length > Largest)
            throw FaultException.Invalid("certificate", $"makes a cookie of {text.Length} bytes, and browsers keep {Largest}");
        http.Response.Cookies.Append(Name, text, Attributes(session.By.Until));
    }

    /// <returns>Null: there is none that is good.</returns>
    public Session? Read(HttpContext http)
    {
        ArgumentNullException.ThrowIfNull(http);
        if (http.Request.Cookies[Name] is not { Length: > 0 and <= Largest } text)
            return null;
        try
        {
            var session = Open(seal.Unprotect(Convert.FromBase64String(text)));
            return left.ContainsKey(session.By.Nonce) ? null : session;
        }
        catch (Exception e) when (e is FormatException or CryptographicException or FaultException)
        {
            return null;
        }
    }

    public void End(HttpContext http, Session? session)
    {
        ArgumentNullException.ThrowIfNull(http);
        if (session is not null)
        {
            left[session.By.Nonce] = session.By.Until;
            foreach (var (nonce, _) in left.Where(l => l.Value < clock.GetUtcNow()))
                left.TryRemove(nonce, out _);
        }
        http.Response.Cookies.Delete(Name, Attributes(null));
    }

    private static CookieOptions Attributes(DateTimeOffset? until) => new()
    {
        Path = "/", HttpOnly = true, Secure = true, SameSite = SameSiteMode.Strict, Expires = until, IsEssential = true,
    };
}
