using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Signing;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Import;

/// <summary>
/// What an imported certificate may carry when it is renewed: the DNS names and the registered and private extensions it carries now, since
/// a person (or a policy) of the old CA let them in. Never the authorization arc: pp_cli_auth is root on the CA API.
/// </summary>
internal static class ImportedGrant
{
    public static Grant Of(ImportedCertificate imported)
    {
        var certificate = imported.Certificate;
        return new Grant
        {
            Source = $"{new GrantSource(GrantKind.Import)}",
            LifeSeconds = (long)(certificate.NotAfter - certificate.NotBefore).TotalSeconds,
            DnsAltNames =
                { CertificateExtensionsReader.DnsNames(certificate).Where(n => n != imported.Name).Distinct(StringComparer.Ordinal) },
            Extensions = { CertificateExtensionsReader.PuppetExtensions(certificate).Where(e => PuppetExtensions.OidOf(e.Key) is not null)
                .ToDictionary(e => e.Key, e => e.Value) },
        };
    }
}
