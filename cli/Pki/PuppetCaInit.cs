using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// Makes the Puppet CA: a root and the intermediate that signs, as `puppetserver ca setup` does (RSA, 15 years), with keys encrypted under a
/// passphrase of its own. Files: ca_crt.pem (signing CA first), ca_key.pem, root_key.pem, passphrase, root_crl.pem. All is made in a folder
/// beside the final one, which then takes its name in one step: a kill leaves no CA at all, never half of one.
/// </summary>
public sealed class PuppetCaInit(string directory, TimeProvider clock)
{
    public const string Bundle = "ca_crt.pem", Key = "ca_key.pem", RootKey = "root_key.pem", Passphrase = "passphrase", RootCrl = "root_crl.pem";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly string[] Files = [Bundle, Key, RootKey, Passphrase, RootCrl];
    private static readonly TimeSpan Life = TimeSpan.FromDays(15 * 365), Backdate = TimeSpan.FromHours(24);
    private readonly string directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));

    /// <summary>Makes the CA unless it is there.</summary>
    /// <param name="name">Goes into the signing CA's name, "Puppet CA: NAME"; e.g. the host.</param>
    /// <param name="keySize">RSA bits of both keys; less than 4096 is for tests.</param>
    /// <returns>The files written; none when the CA is there already.</returns>
    /// <exception cref="InvalidOperationException">The folder holds something else, or part of a CA.</exception>
    public IReadOnlyList<string> Init(string name, int keySize = 4096)
    {
        if (name.Length is 0 or > 50 || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or '_' or ' ')))
            throw new ArgumentException("the CA's name must be 1-50 letters, digits, '.', '-', '_' or spaces", nameof(name));
        if (IsThere())
            return [];
        DropLeftovers();
        var staging = $"{directory}.partial-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
        Directory.CreateDirectory(staging, OwnerOnly | UnixFileMode.UserExecute);
        Make(staging, name, keySize);
        if (Directory.Exists(directory))
            Directory.Delete(directory); // empty, as IsThere saw
        Directory.Move(staging, directory);
        return [.. Files.Select(f => Path.Combine(directory, f))];
    }

    private bool IsThere()
    {
        if (!Directory.Exists(directory) || !Directory.EnumerateFileSystemEntries(directory).Any())
            return false;
        var missing = Files.Where(f => !File.Exists(Path.Combine(directory, f))).ToArray();
        return missing.Length == 0
            ? true
            : throw new InvalidOperationException($"{directory} is not empty, and is no whole CA: it lacks {string.Join(", ", missing)}. Restore them, or choose another directory.");
    }

    // Of a run that was killed; nobody ever used what is in them.
    private void DropLeftovers()
    {
        var parent = Path.GetDirectoryName(directory)!;
        if (!Directory.Exists(parent))
            return;
        foreach (var left in Directory.EnumerateDirectories(parent, Path.GetFileName(directory) + ".partial-*"))
            Directory.Delete(left, recursive: true);
    }

    private void Make(string folder, string name, int keySize)
    {
        var passphrase = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var rootMaking = Task.Run(() => RSA.Create(keySize));
        using var key = RSA.Create(keySize);
        using var rootKey = rootMaking.GetAwaiter().GetResult();
        var from = clock.GetUtcNow() - Backdate;
        var until = clock.GetUtcNow() + Life;

        var rootRequest = Request($"Puppet Root CA: {Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(7))}", rootKey);
        var rootIdentifier = rootRequest.CertificateExtensions.OfType<X509SubjectKeyIdentifierExtension>().Single();
        var authority = X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(rootIdentifier);
        rootRequest.CertificateExtensions.Add(authority);
        var generator = X509SignatureGenerator.CreateForRSA(rootKey, RSASignaturePadding.Pkcs1);
        using var root = rootRequest.Create(rootRequest.SubjectName, generator, from, until, [1]);

        var request = Request($"Puppet CA: {name}", key);
        request.CertificateExtensions.Add(authority);
        using var issuer = request.Create(root.SubjectName, generator, from, until, [2]);

        // The root revokes nobody (its one child is revoked by making a new CA), so its list may live as long as itself.
        var crl = new CertificateRevocationListBuilder().Build(
            root.SubjectName, generator, BigInteger.Zero, until, HashAlgorithmName.SHA256, authority, clock.GetUtcNow().AddSeconds(-1));

        PrivateFile.Write(Path.Combine(folder, Passphrase), passphrase + "\n");
        PrivateFile.Write(Path.Combine(folder, RootKey), Encrypted(rootKey, passphrase));
        PrivateFile.Write(Path.Combine(folder, Key), Encrypted(key, passphrase));
        PrivateFile.Write(Path.Combine(folder, RootCrl), PemEncoding.WriteString("X509 CRL", crl) + "\n", OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        PrivateFile.Write(Path.Combine(folder, Bundle), issuer.ExportCertificatePem() + "\n" + root.ExportCertificatePem() + "\n", OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
    }

    // puppet-contracts §3.3
    private static CertificateRequest Request(string commonName, RSA key)
    {
        var request = new CertificateRequest($"CN={commonName}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var comment = new AsnWriter(AsnEncodingRules.DER);
        comment.WriteCharacterString(UniversalTagNumber.IA5String, "Puppet Server Internal Certificate");
        request.CertificateExtensions.Add(new X509Extension("2.16.840.1.113730.1.13", comment.Encode(), false));
        return request;
    }

    private static string Encrypted(RSA key, string passphrase) =>
        key.ExportEncryptedPkcs8PrivateKeyPem(passphrase, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 600_000)) + "\n";
}
