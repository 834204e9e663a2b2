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

/// <summary>From a certificate to the root, and why not where it does not lead there.</summary>
/// <param name="Links">Empty: the certificate can't be read. Only itself: no chain was found.</param>
/// <param name="Problem">"": it leads to the root.</param>
public sealed record FoundChain(IReadOnlyList<ChainLink> Links, string Problem);

/// <summary>The Puppet CA's own certificates, and what leads from a certificate to its root. Pure, but for the time.</summary>
public static class CaChain
{
    /// <param name="bundle">PEM, the CA that signs first, the root last.</param>
    /// <returns>Empty: it holds none that can be read.</returns>
    public static IReadOnlyList<ChainLink> Of(string bundle, DateTimeOffset now)
    {
        var all = Read(bundle);
        try
        {
            return [.. all.Select((c, place) => Link(c, What(c, place == 0), now))];
        }
        catch (CryptographicException)
        {
            return [];
        }
        finally
        {
            all.ForEach(c => c.Dispose());
        }
    }

    /// <summary>From the certificate to the root, each signed by the next.</summary>
    /// <param name="pem">The certificate.</param>
    public static FoundChain From(string pem, string bundle, DateTimeOffset now)
    {
        var (read, ours) = (Read(pem), Read(bundle));
        using var chain = new X509Chain { ChainPolicy = Policy(ours) };
        try
        {
            if (read is not [var own, ..])
                return new([], "");
            if (!chain.Build(own))
                return new([Link(own, "Certificate", now)], Problem(chain));
            var above = chain.ChainElements.Skip(1).Select(e => e.Certificate);
            return new([Link(own, "Certificate", now), .. above.Select((c, place) => Link(c, What(c, place == 0), now))], "");
        }
        catch (CryptographicException)
        {
            // What can be parsed need not be whole: an algorithm or a date may be unknown.
            return new([], "");
        }
        finally
        {
            foreach (var one in read.Concat(ours).Concat(chain.ChainElements.Select(e => e.Certificate)))
                one.Dispose();
        }
    }

    private static string Problem(X509Chain chain)
    {
        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, one) => all | one.Status);
        return (status & (X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.NotSignatureValid)) != 0
            ? "None of the CA's certificates of today signed it: it may be of an earlier CA."
            : $"It leads to no root that counts: {status}.";
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
