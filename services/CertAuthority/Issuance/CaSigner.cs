using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// Holds the CA's private key; nothing else touches it. Signs with RSA PKCS#1 v1.5 and SHA-256, as puppetserver does: deterministic, so
/// that signing a claim twice gives the same certificate.
/// </summary>
internal sealed class CaSigner : IDisposable
{
    private readonly ConcurrentBag<RSA> idle = [];
    private readonly RSAParameters secret;
    private readonly RSA verifier;

    private CaSigner(CaFiles ca, RSA key)
    {
        Ca = ca;
        secret = key.ExportParameters(includePrivateParameters: true);
        verifier = ca.Issuer.GetRSAPublicKey()!;
        idle.Add(key);
    }

    public CaFiles Ca { get; }

    /// <exception cref="InvalidOperationException">Passphrase, key and certificate do not fit together.</exception>
    public static CaSigner Open(string directory)
    {
        var ca = CaFiles.Open(directory);
        var key = RSA.Create();
        try
        {
            key.ImportFromEncryptedPem(File.ReadAllText(Path.Combine(directory, CaFiles.KeyFile)), File.ReadAllText(Path.Combine(directory, CaFiles.PassphraseFile)).Trim());
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            key.Dispose();
            throw new InvalidOperationException($"{CaFiles.KeyFile} in {directory} does not open with the passphrase beside it", e);
        }
        var signer = new CaSigner(ca, key);
        var trial = "a trial signature"u8;
        if (!signer.Verify(trial, signer.Sign(trial)))
        {
            signer.Dispose();
            throw new InvalidOperationException($"{CaFiles.KeyFile} in {directory} is not the key of the first certificate in {CaFiles.BundleFile}");
        }
        return signer;
    }

    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        // One RSA object a thread at a time: the class promises no thread safety, and copies do not wait for each other.
        if (!idle.TryTake(out var key))
            key = RSA.Create(secret);
        try
        {
            return key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            idle.Add(key);
        }
    }

    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        using var key = Ca.Issuer.GetRSAPublicKey()!;
        return key.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    /// <summary>For the framework's builder of CRLs.</summary>
    public X509SignatureGenerator Generator() => new ThroughSigner(this, X509SignatureGenerator.CreateForRSA(verifier, RSASignaturePadding.Pkcs1));

    public void Dispose()
    {
        foreach (var key in idle)
            key.Dispose();
        verifier.Dispose();
        CryptographicOperations.ZeroMemory(secret.D);
        CryptographicOperations.ZeroMemory(secret.P);
        CryptographicOperations.ZeroMemory(secret.Q);
    }

    private sealed class ThroughSigner(CaSigner signer, X509SignatureGenerator names) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => names.GetSignatureAlgorithmIdentifier(hashAlgorithm);

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => signer.Sign(data);

        protected override PublicKey BuildPublicKey() => names.PublicKey;
    }
}
