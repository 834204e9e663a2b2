using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Tls;

/// <summary>
/// The nonce that a console asks an identity provider for. It names the console's certificate, so the provider's signature binds the ID
/// token to that console: at any other it is of no use.
/// </summary>
public static class ConsoleNonce
{
    private const string Domain = "overture-1";
    private const int RandomLength = 16;

    public static string Make(X509Certificate2 console, RandomNumberGenerator random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var bytes = new byte[RandomLength];
        random.GetBytes(bytes);
        return $"{Domain}.{Fingerprint(console)}.{Base64Url.EncodeToString(bytes)}";
    }

    /// <returns>The random part, which names the session; null: it is not of this console.</returns>
    public static string? SessionOf(string nonce, X509Certificate2 console)
    {
        ArgumentNullException.ThrowIfNull(nonce);
        return nonce.Split('.') is [Domain, var fingerprint, { Length: (RandomLength * 4 + 2) / 3 } session]
            && fingerprint == Fingerprint(console) && Base64Url.IsValid(session) ? session : null;
    }

    private static string Fingerprint(X509Certificate2 console)
    {
        ArgumentNullException.ThrowIfNull(console);
        return Base64Url.EncodeToString(SHA256.HashData(console.RawDataMemory.Span));
    }
}
