using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.Platform.Certificates;
using Overture.Platform.Records;
using Overture.CertAuthority.Revocation;

namespace Overture.CertAuthority.Signing;

/// <summary>The public half of the CA directory: the bundle as agents get it, the certificate that signs, and its parents' CRLs.</summary>
internal sealed class CaFiles
{
    public const string BundleFile = "ca_crt.pem", KeyFile = "ca_key.pem", PassphraseFile = "passphrase", ParentCrlFile = "root_crl.pem",
        RootKeyFile = "root_key.pem";

    private readonly string directory;

    private CaFiles(string directory, byte[] bundle, X509Certificate2Collection chain, string parentCrls, SignatureScheme scheme,
        DateTimeOffset modified)
    {
        this.directory = directory;
        Bundle = bundle;
        Chain = chain;
        ParentCrls = parentCrls;
        Scheme = scheme;
        Modified = modified;
        KeyId = Issuer.Extensions.OfType<X509SubjectKeyIdentifierExtension>().FirstOrDefault()?.SubjectKeyIdentifierBytes
            ?? throw new InvalidOperationException("the signing CA's certificate has no subject key identifier");
    }

    /// <summary>ca_crt.pem, byte for byte: ca_fingerprint is a hash of this body.</summary>
    public byte[] Bundle { get; }

    public DateTimeOffset Modified { get; }

    /// <summary>Signing CA first, root last.</summary>
    public X509Certificate2Collection Chain { get; }

    public X509Certificate2 Issuer => Chain[0];

    /// <summary>How it signs.</summary>
    public SignatureScheme Scheme { get; }

    /// <summary>
    /// The text of root_crl.pem as it was at the start, sound or not; empty where there is none, or the CA is its own root.
    /// </summary>
    public string ParentCrls { get; }

    /// <summary>The same as it is now: a newer list may be put there at any time.</summary>
    /// <exception cref="IOException">It can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public string ParentCrlsNow() => ParentLists(directory, Chain);

    /// <summary>When it was written last; long ago where it is not there.</summary>
    public DateTimeOffset ParentCrlsWrittenAt() => File.GetLastWriteTimeUtc(Path.Combine(directory, ParentCrlFile));

    public ReadOnlyMemory<byte> KeyId { get; }

    /// <summary>What is wrong with the files, without opening the key.</summary>
    public static IEnumerable<string> Problems(string directory)
    {
        if (Platform.Records.OptionRules.DirectoryProblem(directory) is { } missing)
        {
            yield return missing;
            yield break;
        }
        foreach (var file in new[] { BundleFile, KeyFile, PassphraseFile }.Where(f => !File.Exists(Path.Combine(directory, f))))
            yield return $"no {file} in {directory} (make one with `overture ca init`, or move one in with `overture ca import`)";
        foreach (var file in new[] { KeyFile, PassphraseFile, RootKeyFile }.Select(f => Path.Combine(directory, f)).Where(File.Exists))
        {
            if ((File.GetUnixFileMode(file) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite)) != 0)
                yield return $"{file} can be read or written by others: chmod 600 {file}";
        }
    }

    /// <exception cref="InvalidOperationException">The chain does not hold.</exception>
    public static CaFiles Open(string directory)
    {
        try
        {
            var path = Path.Combine(directory, BundleFile);
            var bundle = File.ReadAllBytes(path);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(Encoding.ASCII.GetString(bundle));
            return new CaFiles(directory, bundle, chain, ParentLists(directory, chain), Verify(chain), File.GetLastWriteTimeUtc(path));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"the CA in {directory} can't be read: {e.Message}", e);
        }
    }

    // A CA that is its own root has no parents whose lists there could be. What is missing or damaged here, ParentCrls reports: it may have
    // another.
    private static string ParentLists(string directory, X509Certificate2Collection chain)
    {
        var path = Path.Combine(directory, ParentCrlFile);
        return chain.Count > 1 && File.Exists(path) ? File.ReadAllText(path).Trim() + "\n" : "";
    }

    private static SignatureScheme Verify(X509Certificate2Collection chain)
    {
        if (chain.Count == 0)
            throw new InvalidOperationException($"{BundleFile} holds no certificate");
        var scheme = SignatureScheme.Of(chain[0])
            ?? throw new InvalidOperationException("the signing CA's key is neither RSA nor on P-256 or P-384");
        using var built = new X509Chain { ChainPolicy = TrustPolicy.Of([chain[^1]], chain) };
        if (!built.Build(chain[0]) || built.ChainElements.Count != chain.Count)
        {
            throw new InvalidOperationException(
                $"{BundleFile} is not a chain from the signing CA (first) to its root (last): "
                    + $"{string.Join(", ", built.ChainStatus.Select(s => s.Status))}");
        }
        return scheme;
    }
}
