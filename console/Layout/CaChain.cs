using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;

namespace Overture.Console.Layout;

/// <summary>One certificate of a chain, as people compare it.</summary>
/// <param name="What">"Certificate", "Signing CA", "Intermediate CA", "Root CA".</param>
/// <param name="Serial">Lower-case hex.</param>
/// <param name="From">2026-11-30 20:15:00 UTC</param>
/// <param name="Sha256">Of the whole certificate, as `openssl x509 -fingerprint -sha256` has it: AB:CD:…</param>
/// <param name="IsTime">It counts now.</param>
public sealed record ChainLink(string What, string Subject, string Issuer, string Serial, string From, string Until, string Sha256,
    bool IsTime);

/// <summary>The Puppet CA's own certificates, and what leads from a certificate to its root. Pure, but for the time.</summary>
public static class CaChain
{
    /// <param name="bundle">PEM, the CA that signs first, the root last.</param>
    /// <returns>Empty: it holds none that can be read.</returns>
    public static IReadOnlyList<ChainLink> Of(string bundle, DateTimeOffset now)
    {
        var all = Read(bundle);
        return [.. all.Select((c, place) => Link(c, What(c, place == 0), now))];
    }

    /// <summary>From the certificate to the root, each signed by the next.</summary>
    /// <param name="pem">The certificate.</param>
    /// <returns>Empty: it can't be read. Only itself: none of the bundle's signed it, as when an earlier CA did.</returns>
    public static IReadOnlyList<ChainLink> From(string pem, string bundle, DateTimeOffset now)
    {
        if (Read(pem) is not [var own, ..])
            return [];
        using var chain = new X509Chain { ChainPolicy = Policy(Read(bundle)) };
        var above = chain.Build(own) ? chain.ChainElements.Skip(1).Select(e => e.Certificate) : [];
        return [Link(own, "Certificate", now), .. above.Select((c, place) => Link(c, What(c, place == 0), now))];
    }

    /// <summary>Of the whole certificate, as `openssl x509 -fingerprint -sha256` has it: AB:CD:…</summary>
    public static string Fingerprint(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return string.Join(':', SHA256.HashData(certificate.RawDataMemory.Span).Select(b => $"{b:X2}"));
    }

    // Whether it was revoked or is over is said elsewhere; nothing is asked of the network.
    private static X509ChainPolicy Policy(List<X509Certificate2> bundle)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
            VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid,
        };
        policy.CustomTrustStore.AddRange(bundle.Where(IsRoot).ToArray());
        policy.ExtraStore.AddRange(bundle.ToArray());
        return policy;
    }

    private static List<X509Certificate2> Read(string pem)
    {
        var all = new X509Certificate2Collection();
        try
        {
            all.ImportFromPem(pem);
            return [.. all];
        }
        catch (CryptographicException)
        {
            return [];
        }
    }

    private static string What(X509Certificate2 ca, bool signs) => (signs, IsRoot(ca)) switch
    {
        (true, true) => "Signing CA and root",
        (true, false) => "Signing CA",
        (false, true) => "Root CA",
        _ => "Intermediate CA",
    };

    private static bool IsRoot(X509Certificate2 ca) => ca.SubjectName.RawData.AsSpan().SequenceEqual(ca.IssuerName.RawData);

    private static ChainLink Link(X509Certificate2 c, string what, DateTimeOffset now) => new(what, c.Subject, c.Issuer,
        $"{SerialNumber.Of(c)}", Time(c.NotBefore), Time(c.NotAfter),
        Fingerprint(c),
        now >= c.NotBefore.ToUniversalTime() && now < c.NotAfter.ToUniversalTime());

    private static string Time(DateTime at) => $"{at.ToUniversalTime():yyyy-MM-dd HH:mm:ss} UTC";
}
