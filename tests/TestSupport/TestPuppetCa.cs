using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.TestSupport;

/// <summary>A tiny Puppet CA: root, intermediate, leaves. For services that need certificates and not the CertAuthority itself.</summary>
public sealed class TestPuppetCa : IDisposable
{
    private readonly TempDirectory directory = new();
    private readonly X509Certificate2 root;
    private readonly X509Certificate2 intermediate;

    public TestPuppetCa()
    {
        root = Authority("CN=Test Puppet root", null);
        intermediate = Authority("CN=Test Puppet CA", root);
        File.WriteAllText(BundleFile, BundlePem);
    }

    public string BundlePem => $"{intermediate.ExportCertificatePem()}\n{root.ExportCertificatePem()}\n";

    /// <summary>PEM file of the chain, signing CA first, as agents get it.</summary>
    public string BundleFile => directory.File("ca.pem");

    /// <summary>A leaf with its private key.</summary>
    public X509Certificate2 Issue(string certname, params string[] dnsNames)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Sign(new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256), certname, dnsNames,
            TimeSpan.FromDays(30));
        return leaf.CopyWithPrivateKey(key);
    }

    /// <summary>The root itself, with its key.</summary>
    public X509Certificate2 Root => root;

    /// <summary>A leaf by another CA below the same root, and that CA, which has to be sent with it.</summary>
    /// <param name="certname">Its name.</param>
    /// <param name="caName">Of the other CA; null: the same name as ours.</param>
    public (X509Certificate2 Leaf, X509Certificate2 Sibling) IssueBeside(string certname, string? caName)
    {
        var sibling = Authority(caName ?? intermediate.Subject, root);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Sign(new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256), certname, [],
            TimeSpan.FromDays(30), by: sibling);
        return (leaf.CopyWithPrivateKey(key), sibling);
    }

    /// <summary>A leaf of this very serial number (content of its INTEGER).</summary>
    public X509Certificate2 Issue(string certname, byte[] serial)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var leaf = Sign(new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256), certname, [],
            TimeSpan.FromDays(30), serial);
        return leaf.CopyWithPrivateKey(key);
    }

    /// <summary>A leaf and its RSA key, as puppetserver likes them, in PEM.</summary>
    public (string Certificate, string Key) IssuePem(string certname, params string[] dnsNames)
    {
        using var key = RSA.Create(2048);
        using var leaf = Sign(new CertificateRequest($"CN={certname}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), certname,
            dnsNames, TimeSpan.FromDays(30));
        return (leaf.ExportCertificatePem(), key.ExportRSAPrivateKeyPem());
    }

    /// <summary>The lists of both CAs, on which are the given certificates.</summary>
    public string CrlPem(params X509Certificate2[] revoked)
    {
        var lists = new CertificateRevocationListBuilder();
        foreach (var certificate in revoked)
            lists.AddEntry(certificate);
        var next = TimeProvider.System.GetUtcNow().AddDays(30);
        return PemEncoding.WriteString("X509 CRL", lists.Build(intermediate, 2, next, HashAlgorithmName.SHA256)) + "\n"
            + PemEncoding.WriteString("X509 CRL", new CertificateRevocationListBuilder()
                .Build(root, 1, next, HashAlgorithmName.SHA256)) + "\n";
    }

    /// <summary>Signs what a CSR asks for; only its key and name count.</summary>
    public string SignPem(string csr, string certname, IEnumerable<string> dnsNames, TimeSpan life)
    {
        var request = CertificateRequest.LoadSigningRequestPem(csr, HashAlgorithmName.SHA256);
        using var leaf = Sign(new CertificateRequest(request.SubjectName, request.PublicKey, HashAlgorithmName.SHA256), certname,
            dnsNames, life);
        return leaf.ExportCertificatePem();
    }

    /// <summary>A new certificate for the key of an old one.</summary>
    public string SignAgainPem(X509Certificate2 old, string certname, IEnumerable<string> dnsNames, TimeSpan life)
    {
        using var leaf = Sign(new CertificateRequest(old.SubjectName, old.PublicKey, HashAlgorithmName.SHA256), certname, dnsNames, life);
        return leaf.ExportCertificatePem();
    }

    /// <summary>Whether a certificate is of this CA.</summary>
    public bool Signed(X509Certificate2 certificate)
    {
        using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck } };
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.ExtraStore.Add(intermediate);
        return chain.Build(certificate);
    }

    /// <summary>A client that trusts this CA alone and shows the given certificate (null: none), and with it the CAs above.</summary>
    public HttpClient Client(X509Certificate2? certificate, params X509Certificate2[] chain)
    {
        var ssl = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck },
        };
        ssl.CertificateChainPolicy.CustomTrustStore.Add(root);
        ssl.CertificateChainPolicy.ExtraStore.Add(intermediate);
        if (certificate is not null)
            ssl.ClientCertificateContext = SslStreamCertificateContext.Create(certificate, [.. chain], offline: true);
        return new HttpClient(new SocketsHttpHandler { UseProxy = false, SslOptions = ssl });
    }

    public void Dispose() => directory.Dispose();

    private X509Certificate2 Sign(CertificateRequest request, string certname, IEnumerable<string> dnsNames, TimeSpan life,
        byte[]? serial = null, X509Certificate2? by = null)
    {
        by ??= intermediate;
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in dnsNames.Prepend(certname))
            names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        // Without it, of two CAs of one name a chain might be tried with the wrong one.
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(by, includeKeyIdentifier: true,
            includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(
            [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], true));
        var now = TimeProvider.System.GetUtcNow();
        using var signing = by.GetECDsaPrivateKey()!;
        return request.Create(by.SubjectName, X509SignatureGenerator.CreateForECDsa(signing), now.AddDays(-1), now + life, serial
            ?? [1, .. RandomNumberGenerator.GetBytes(15)]);
    }

    private static X509Certificate2 Authority(string subject, X509Certificate2? issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = TimeProvider.System.GetUtcNow();
        if (issuer is null)
            return request.CreateSelfSigned(now.AddDays(-2), now.AddYears(10));
        using var signing = issuer.GetECDsaPrivateKey()!;
        using var bare = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(signing), now.AddDays(-2),
            now.AddYears(5), [2, .. RandomNumberGenerator.GetBytes(15)]);
        return bare.CopyWithPrivateKey(key);
    }
}
