using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Registry;

/// <summary>
/// Which certificate of Redis a connection takes: one for the endpoint's host, from registry.tlsRoots or the system's CAs. Nothing is
/// downloaded to judge it. A refusal is logged once, until it is another.
/// </summary>
internal sealed class RegistryTls(RegistryOptions options, ILogger log)
{
    private string logged = "";

    /// <summary>For one connection; the roots are read each time, so that they may change.</summary>
    /// <exception cref="CryptographicException">registry.tlsRoots holds no certificate.</exception>
    public SslClientAuthenticationOptions For(string host)
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            ApplicationPolicy = { new Oid("1.3.6.1.5.5.7.3.1") }, // serverAuth
        };
        if (options.TlsRoots.Length > 0)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.ImportFromPemFile(options.TlsRoots);
            if (policy.CustomTrustStore.Count == 0)
                throw new CryptographicException($"no certificate in {options.TlsRoots}");
        }
        return new SslClientAuthenticationOptions
        {
            TargetHost = host,
            CertificateChainPolicy = policy,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => Accepts(host, certificate, chain, errors),
        };
    }

    private bool Accepts(string host, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        var problem = Problem(host, certificate, chain, errors);
        // The client library comes again five times a second.
        if (Interlocked.Exchange(ref logged, problem) != problem && problem.Length > 0)
            RegistryLog.TlsRefused(log, options.Endpoint, problem);
        return problem.Length == 0;
    }

    private string Problem(string host, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors) =>
        certificate is null ? "it shows none"
        : errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $"it is not for {host}"
        : errors == SslPolicyErrors.None ? ""
        : $"{(options.TlsRoots.Length > 0 ? "registry.tlsRoots" : "the system's CAs")} do not vouch for it ({Statuses(chain)})";

    private static string Statuses(X509Chain? chain) =>
        string.Join(", ", chain?.ChainStatus.Select(s => s.Status).Where(s => s != X509ChainStatusFlags.NoError).Distinct() ?? []);
}
