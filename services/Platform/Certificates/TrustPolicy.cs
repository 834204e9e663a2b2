using System.Security.Cryptography.X509Certificates;

namespace Overture.Platform.Certificates;

/// <summary>
/// By whom a peer's certificate must be signed: the given roots, and nothing of the host's. No certificate is downloaded for it, and
/// revocation is asked elsewhere (of the store, the service's own list).
/// </summary>
public static class TrustPolicy
{
    /// <param name="roots">One of these must be at the end of the chain.</param>
    /// <param name="intermediates">Those that a peer need not send.</param>
    public static X509ChainPolicy Of(IEnumerable<X509Certificate2> roots, params IEnumerable<X509Certificate2> intermediates)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(roots.ToArray());
        policy.ExtraStore.AddRange(intermediates.ToArray());
        return policy;
    }
}
