using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Certificates;

namespace Overture.Cli.Pki;

/// <summary>The CA of a puppetserver directory: ca_key.pem, the certificate it belongs to, and that one's parents up to the root.</summary>
public sealed class ImportedChain
{
    private const string Certificate = "CERTIFICATE";

    private ImportedChain(IReadOnlyList<X509Certificate2> chain, string bundle, AsymmetricAlgorithm key) =>
        (Chain, Bundle, Key) = (chain, bundle, key);

    /// <summary>Signing CA first, root last.</summary>
    public IReadOnlyList<X509Certificate2> Chain { get; }

    /// <summary>ca_crt.pem: byte for byte where it is in that order already, since ca_fingerprint is a hash of it.</summary>
    public string Bundle { get; }

    public AsymmetricAlgorithm Key { get; }

    /// <returns>Null: there are problems.</returns>
    public static ImportedChain? Read(Cadir directory, DateTimeOffset now, ImportFindings findings)
    {
        var bytes = directory.Bytes(PuppetCaInit.Bundle);
        var bundle = Encoding.UTF8.GetString(bytes);
        var certificates = Certificates(bundle, findings);
        var key = ReadKey(directory.Text(PuppetCaInit.Key), findings);
        if (key is null || certificates is not { Count: > 0 } || Signing(certificates, key, findings) is not { } signing)
            return null;
        var chain = Order(signing, certificates, findings);
        if (chain is null || !Holds(chain, now, findings))
            return null;
        var asItIs = chain.SequenceEqual(certificates) && Encoding.UTF8.GetBytes(bundle).AsSpan().SequenceEqual(bytes);
        return new ImportedChain(chain, asItIs ? bundle : string.Concat(chain.Select(c => c.ExportCertificatePem() + "\n")), key);
    }

    private static List<X509Certificate2>? Certificates(string text, ImportFindings findings)
    {
        var found = new List<X509Certificate2>();
        var wrong = false;
        foreach (var block in PemFile.Read(text))
        {
            if (block is { Label: Certificate, Der: { } der } && Load(der) is { } certificate)
            {
                found.Add(certificate);
                continue;
            }
            findings.Problem(PuppetCaInit.Bundle, block.Label == Certificate
                ? "is a damaged certificate" : $"is a block {block.Label}, which does not belong here", block.Line);
            wrong = true;
        }
        if (found.Count == 0 && !wrong)
            findings.Problem(PuppetCaInit.Bundle, "holds no certificate");
        return wrong ? null : found;
    }

    internal static X509Certificate2? Load(byte[] der)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(der);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    // PKCS#1, SEC 1 or PKCS#8, in the clear as puppetserver keeps it.
    private static AsymmetricAlgorithm? ReadKey(string pem, ImportFindings findings)
    {
        if (pem.Contains("ENCRYPTED", StringComparison.Ordinal))
        {
            findings.Problem(PuppetCaInit.Key,
                "is encrypted; puppetserver's own is not. Decrypt a copy of the directory's key first: openssl pkey -in ca_key.pem -out "
                    + "ca_key.pem");
            return null;
        }
        foreach (var make in new Func<AsymmetricAlgorithm>[] { RSA.Create, ECDsa.Create })
        {
            var key = make();
            try
            {
                key.ImportFromPem(pem);
                return key;
            }
            catch (Exception e) when (e is CryptographicException or ArgumentException)
            {
                key.Dispose();
            }
        }
        findings.Problem(PuppetCaInit.Key, "is not an RSA or EC private key in PEM");
        return null;
    }

    private static X509Certificate2? Signing(List<X509Certificate2> certificates, AsymmetricAlgorithm key, ImportFindings findings)
    {
        var spki = key.ExportSubjectPublicKeyInfo();
        var signing = certificates.Find(c => c.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(spki));
        if (signing is null)
            findings.Problem(PuppetCaInit.Key, $"is the key of no certificate in {PuppetCaInit.Bundle}");
        else if (SignatureScheme.Of(signing) is null)
            findings.Problem(PuppetCaInit.Key, "is neither RSA nor on P-256 or P-384");
        else if (signing.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault() is null)
            findings.Problem(PuppetCaInit.Bundle, $"the certificate of {signing.Subject} has no subject key identifier");
        else
            return signing;
        return null;
    }

    private static List<X509Certificate2>? Order(X509Certificate2 signing, List<X509Certificate2> certificates, ImportFindings findings)
    {
        var chain = new List<X509Certificate2> { signing };
        while (!IsRoot(chain[^1]))
        {
            var child = chain[^1];
            if (certificates.Find(c => !chain.Contains(c) && Issued(c, child)) is not { } parent)
            {
                findings.Problem(PuppetCaInit.Bundle, $"lacks the certificate of {child.Issuer}, which issued {child.Subject}");
                return null;
            }
            chain.Add(parent);
        }
        foreach (var stranger in certificates.Except(chain))
        {
            findings.Problem(PuppetCaInit.Bundle,
                $"holds {stranger.Subject}, which is not part of the chain of {signing.Subject}; take it out of a copy and import that");
        }
        return chain.Count == certificates.Count ? chain : null;
    }

    private static bool IsRoot(X509Certificate2 certificate) => certificate.SubjectName.RawData.AsSpan()
        .SequenceEqual(certificate.IssuerName.RawData);

    private static bool Issued(X509Certificate2 parent, X509Certificate2 child) =>
        parent.SubjectName.RawData.AsSpan().SequenceEqual(child.IssuerName.RawData) && SignatureScheme.IsSignedBy(child.RawData, parent);

    private static bool Holds(List<X509Certificate2> chain, DateTimeOffset now, ImportFindings findings)
    {
        using var built = new X509Chain { ChainPolicy = TrustPolicy.Of([chain[^1]], chain) };
        built.ChainPolicy.VerificationTime = now.UtcDateTime;
        if (!built.Build(chain[0]))
        {
            findings.Problem(PuppetCaInit.Bundle, $"is not a valid chain: {string.Join(", ", built.ChainStatus.Select(s => s.Status))}");
            return false;
        }
        foreach (var ca in chain.Where(c => c.NotAfter < now.AddYears(1)))
        {
            findings.Warn(
                $"the certificate of {ca.Subject} ends on {ca.NotAfter.ToUniversalTime():yyyy-MM-dd}, and with it every certificate of "
                    + "this CA");
        }
        return true;
    }
}
