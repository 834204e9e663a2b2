using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// Makes the Puppet CA: a root and the intermediate that signs, as `puppetserver ca setup` does (RSA or P-256, 15 years), with keys
/// encrypted under a passphrase of its own. Files: ca_crt.pem (signing CA first), ca_key.pem, root_key.pem, passphrase, root_crl.pem. All
/// is made in a folder beside the final one, which then takes its name in one step: a kill leaves no CA at all, never half of one.
/// </summary>
public sealed class PuppetCaInit(string directory, TimeProvider clock)
{
    public const string Bundle = "ca_crt.pem", Key = "ca_key.pem", RootKey = "root_key.pem", Passphrase = "passphrase",
        RootCrl = "root_crl.pem";

    internal const UnixFileMode Public = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private static readonly string[] Files = [Bundle, Key, RootKey, Passphrase, RootCrl];
    private static readonly TimeSpan Life = TimeSpan.FromDays(15 * 365), Backdate = TimeSpan.FromHours(24);
    private readonly string directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));

    /// <summary>Makes the CA unless it is there.</summary>
    /// <param name="name">Goes into the signing CA's name, "Puppet CA: NAME"; e.g. the host.</param>
    /// <param name="keySize">RSA bits of both keys; less than 4096 is for tests.</param>
    /// <returns>The files written; none when the CA is there already.</returns>
    /// <exception cref="InvalidOperationException">The folder holds something else, or part of a CA.</exception>
    public IReadOnlyList<string> Init(string name, int keySize = 4096) => Init(name, () => RSA.Create(keySize));

    /// <summary>The same, with P-256 keys: signatures cost a hundredth.</summary>
    public IReadOnlyList<string> InitP256(string name) => Init(name, () => ECDsa.Create(ECCurve.NamedCurves.nistP256));

    private IReadOnlyList<string> Init(string name, Func<AsymmetricAlgorithm> newKey)
    {
        if (name.Length is 0 or > 50 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or ' ')))
            throw new ArgumentException("the CA's name must be 1-50 letters, digits, '.', '-', '_' or spaces", nameof(name));
        if (IsThere())
            return [];
        WholeDirectory.Make(directory, staging => Make(staging, name, newKey));
        return [.. Files.Select(f => Path.Combine(directory, f))];
    }

    // root_key.pem is no part of it: it is best kept elsewhere, and an imported CA may never have had it.
    private bool IsThere()
    {
        if (WholeDirectory.IsFree(directory))
            return false;
        var missing = Needed().Where(f => !File.Exists(Path.Combine(directory, f))).ToArray();
        return missing.Length == 0
            ? true
            : throw new InvalidOperationException(
                $"{directory} is not empty, and is not a complete CA: it lacks {string.Join(", ", missing)}. Restore them, or choose "
                    + "another directory.");
    }

    // A CA that is its own root has no parent's list.
    private string[] Needed()
    {
        var bundle = new X509Certificate2Collection();
        var file = Path.Combine(directory, Bundle);
        if (File.Exists(file))
            bundle.ImportFromPemFile(file);
        return bundle.Count == 1 ? [Bundle, Key, Passphrase] : [Bundle, Key, Passphrase, RootCrl];
    }

    private void Make(string folder, string name, Func<AsymmetricAlgorithm> newKey)
    {
        var passphrase = NewPassphrase();
        var rootMaking = Task.Run(newKey);
        using var key = newKey();
        using var rootKey = rootMaking.GetAwaiter().GetResult();
        var from = clock.GetUtcNow() - Backdate;
        var until = clock.GetUtcNow() + Life;

        var rootRequest = Request($"Puppet Root CA: {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(7))}", rootKey);
        var rootIdentifier = rootRequest.CertificateExtensions.OfType<X509SubjectKeyIdentifierExtension>().Single();
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(rootIdentifier);
        rootRequest.CertificateExtensions.Add(authority);
        var generator = rootKey is RSA rsa ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1)
            : X509SignatureGenerator.CreateForECDsa((ECDsa)rootKey);
        using var root = rootRequest.Create(rootRequest.SubjectName, generator, from, until, [1]);

        var request = Request($"Puppet CA: {name}", key);
        request.CertificateExtensions.Add(authority);
        using var issuer = request.Create(root.SubjectName, generator, from, until, [2]);

        // The root revokes nothing (its one child is revoked by making a new CA), so its list may live as long as itself.
        var crl = new CertificateRevocationListBuilder().Build(
            root.SubjectName, generator, BigInteger.Zero, until, HashAlgorithmName.SHA256, authority, from);

        PrivateFile.Write(Path.Combine(folder, Passphrase), passphrase + "\n");
        PrivateFile.Write(Path.Combine(folder, RootKey), Encrypted(rootKey, passphrase));
        PrivateFile.Write(Path.Combine(folder, Key), Encrypted(key, passphrase));
        PrivateFile.Write(Path.Combine(folder, RootCrl), PemEncoding.WriteString("X509 CRL", crl) + "\n", Public);
        PrivateFile.Write(Path.Combine(folder, Bundle), issuer.ExportCertificatePem() + "\n" + root.ExportCertificatePem() + "\n", Public);
    }

    // docs/puppet-contracts.md §3.3
    private static CertificateRequest Request(string commonName, AsymmetricAlgorithm key)
    {
        var request = key is RSA rsa
            ? new CertificateRequest($"CN={commonName}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest($"CN={commonName}", (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var comment = new AsnWriter(AsnEncodingRules.DER);
        comment.WriteCharacterString(UniversalTagNumber.IA5String, "Puppet Server Internal Certificate");
        request.CertificateExtensions.Add(new X509Extension("2.16.840.1.113730.1.13", comment.Encode(), false));
        return request;
    }

    internal static string NewPassphrase() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>PKCS#8 under PBES2, as CertAuthority wants it.</summary>
    internal static string Encrypted(AsymmetricAlgorithm key, string passphrase) =>
        key.ExportEncryptedPkcs8PrivateKeyPem(passphrase,
            new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000)) + "\n";
}
