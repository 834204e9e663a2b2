using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.Platform.PuppetHost;

/// <summary>
/// Who may post reports and ask for nodes: a certname whose signed launch record says role: puppetserver, as long as nothing blocks it. The
/// handshake proved the certificate; a node's own does not do.
/// </summary>
/// <param name="store">Where all that is asked.</param>
/// <param name="bundle">Whose certificates are clients.</param>
/// <param name="verify">The record, if a trusted key signed it for this very name; else null.</param>
public sealed class PuppetserverPeers(ObjectStore store, PuppetCaBundle bundle, Func<SignedLaunch, CertName, LaunchRecord?> verify)
{
    private const string Puppetserver = "puppetserver";
    private readonly RecordedCertificates recorded = new(store);

    /// <returns>Null: welcome. Else why not, for our log alone.</returns>
    /// <exception cref="UnreadableObjectException">Its launch record, or that of its certificate, is damaged.</exception>
    public async Task<string?> Refusal(X509Certificate2? certificate, CancellationToken cancel)
    {
        if (certificate is null)
            return "no certificate";
        if (!CertName.TryParse(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false), out var name, out var rule))
            return $"its name {rule}";
        if (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel) is not { } signed)
            return $"{name} is not registered";
        if (verify(signed, name) is not { } record)
            return $"launches/{name} carries no signature of a key that is trusted here";
        if (record.Role != Puppetserver)
            return $"{name} is not a puppetserver";
        if (await store.Any(ObjectKeys.BlocksOf(name), cancel)
            || await store.Get(ObjectKeys.Revocation($"{SerialNumber.Of(certificate)}"), cancel) is not null)
        {
            return $"{name} is blocked or revoked";
        }
        if (await store.Get(ObjectKeys.Fact(name, InstanceEvents.Terminating), cancel) is not null)
            return $"{name} is terminated";
        return await recorded.Lack(certificate, cancel) is { } lack && await recorded.RefusesUnrecorded(bundle.Current.SignerKeyId, cancel)
            ? $"the CA signed the certificate {SerialNumber.Of(certificate)} of {name}, and {lack} ({Reason.CertificateUnrecorded.Code()})"
            : null;
    }
}
