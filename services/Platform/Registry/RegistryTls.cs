using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Registry;

/// <summary>Which certificate of Redis a connection takes: one for the endpoint's host, from registry.tlsRoots or the system's CAs. Its refusals are logged once a connection.</summary>
internal sealed class RegistryTls
{
    private readonly RegistryOptions options;
    private readonly ILogger log;
    private readonly X509Certificate2Collection roots = [];
    private string told = "";

    /// <exception cref="CryptographicException">registry.tlsRoots holds no certificate.</exception>
    public RegistryTls(RegistryOptions options, ILogger log)
    {
        (this.options, this.log) = (options, log);
        if (options.TlsRoots.Length == 0)
            return;
        roots.ImportFromPemFile(options.TlsRoots);
        if (roots.Count == 0)
            throw new CryptographicException($"no certificate in {options.TlsRoots}");
    }

    /// <summary>The host of HOST:PORT; an IPv6 address without its brackets.</summary>
    public static string HostOf(string endpoint) => endpoint[..endpoint.LastIndexOf(':')].Trim('[', ']');

    /// <summary>A <see cref="RemoteCertificateValidationCallback"/>.</summary>
    public bool Accepts(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (Problem(certificate as X509Certificate2, chain, errors) is not { } problem)
            return true;
        // The client library comes again five times a second.
        if (Interlocked.Exchange(ref told, problem) != problem)
            RegistryLog.TlsRefused(log, options.Endpoint, problem);
        return false;
    }

    private string? Problem(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null)
            return "it shows none";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return $"it is not for {HostOf(options.Endpoint)}";
        if (roots.Count == 0)
            return errors == SslPolicyErrors.None ? null : $"the system's CAs do not vouch for it ({Statuses(chain)})";
        using var own = new X509Chain();
        own.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        own.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        own.ChainPolicy.DisableCertificateDownloads = true;
        own.ChainPolicy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1")); // serverAuth
        own.ChainPolicy.CustomTrustStore.AddRange(roots);
        own.ChainPolicy.ExtraStore.AddRange((X509Certificate2[])[.. chain?.ChainPolicy.ExtraStore ?? [], .. chain?.ChainElements.Select(e => e.Certificate) ?? []]);
        return own.Build(certificate) ? null : $"registry.tlsRoots do not vouch for it ({Statuses(own)})";
    }

    private static string Statuses(X509Chain? chain) =>
        string.Join(", ", chain?.ChainStatus.Select(s => s.Status).Where(s => s != X509ChainStatusFlags.NoError).Distinct() ?? []);
}
