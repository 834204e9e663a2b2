using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Overture.Console.Sessions;

namespace Overture.Console.Fleet;

/// <summary>
/// The views that a person saved: in a cookie of the browser that is sealed for that person, so no server keeps them and each replica shows
/// them, to no one else who signs in there.
/// </summary>
internal sealed class OwnViews(IDataProtectionProvider protection, TimeProvider clock)
{
    public const int Most = 12;

    private const string Cookie = "__Host-overture-views";
    private const int Largest = 4_000;

    public IReadOnlyList<FleetView> Read(HttpContext http)
    {
        if (http.Request.Cookies[Cookie] is not { Length: > 0 and <= Largest } text)
            return [];
        try
        {
            var lines = Encoding.UTF8.GetString(SealOf(http).Unprotect(Base64Url.DecodeFromChars(text))).Split('\n');
            return [.. lines.Select(FleetView.Read).OfType<FleetView>()];
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            // Of other keys: they are gone. Or of another person: these replace them.
            return [];
        }
    }

    /// <param name="http">Its answer carries the cookie.</param>
    /// <param name="name">One of this name is replaced.</param>
    /// <param name="address">Empty: it goes.</param>
    /// <returns>False: there is no room.</returns>
    public bool Keep(HttpContext http, string name, string address)
    {
        var views = Read(http).Where(v => v.Name != name).ToList();
        if (address.Length > 0)
            views.Add(new(name, address));
        var lines = string.Join('\n', views.Select(v => $"{v.Name}={v.Address}"));
        var text = Base64Url.EncodeToString(SealOf(http).Protect(Encoding.UTF8.GetBytes(lines)));
        if (views.Count > Most || text.Length > Largest)
            return false;
        http.Response.Cookies.Append(Cookie, text, new CookieOptions
        {
            Path = "/", HttpOnly = true, Secure = true, SameSite = SameSiteMode.Strict, IsEssential = true,
            Expires = clock.GetUtcNow().AddYears(1),
        });
        return true;
    }

    private IDataProtector SealOf(HttpContext http) => protection.CreateProtector("views-2", Session.Required(http).By.Peer.Name);
}
