using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Overture.Platform.Telemetry;

namespace Overture.CertAuthority.Signing;

/// <summary>
/// Holds the CA's private key; nothing else touches it. RSA PKCS#1 v1.5 is deterministic, so that signing a claim twice gives the same
/// certificate; ECDSA is not, so what was stored first is the certificate.
/// </summary>
internal sealed class CaSigner : IDisposable
{
    private static readonly Meter Meter = new(FlowTelemetry.SourceName);
    private static readonly Histogram<double> SignTime =
        Meter.CreateHistogram<double>(FlowTelemetry.SignTime, "s", "duration of one signature with the CA's key");
    private readonly CaKey secret;
    private readonly KeyPool signing, verifying;
    private readonly byte[] sealKey;

    private CaSigner(CaFiles ca, CaKey secret)
    {
        Ca = ca;
        this.secret = secret;
        sealKey = secret.Derive("overture record seal 1");
        signing = new KeyPool(secret.Open);
        verifying = new KeyPool(() => (AsymmetricAlgorithm?)ca.Issuer.GetRSAPublicKey() ?? ca.Issuer.GetECDsaPublicKey()!);
    }

    public CaFiles Ca { get; }

    /// <exception cref="InvalidOperationException">Passphrase, key and certificate do not fit together.</exception>
    public static CaSigner Open(string directory)
    {
        var ca = CaFiles.Open(directory);
        try
        {
            var secret = CaKey.Read(File.ReadAllText(Path.Combine(directory, CaFiles.KeyFile)),
                File.ReadAllText(Path.Combine(directory, CaFiles.PassphraseFile)).Trim());
            var signer = new CaSigner(ca, secret);
            if (signer.Tried())
                return signer;
            signer.Dispose();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"{CaFiles.KeyFile} in {directory} can't be decrypted with the passphrase beside it", e);
        }
        throw new InvalidOperationException(
            $"{CaFiles.KeyFile} in {directory} is not the key of the first certificate in {CaFiles.BundleFile}");
    }

    public byte[] Sign(ReadOnlySpan<byte> data)
    {
        var key = signing.Take();
        var began = Stopwatch.GetTimestamp();
        try
        {
            var signature = Ca.Scheme.Sign(key, data);
            SignTime.Record(Stopwatch.GetElapsedTime(began).TotalSeconds);
            return signature;
        }
        finally
        {
            signing.Return(key);
        }
    }

    public bool Verify(ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        var key = verifying.Take();
        try
        {
            return Ca.Scheme.Verify(key, data, signature);
        }
        finally
        {
            verifying.Return(key);
        }
    }

    /// <summary>What only holders of the CA's key can make and check: for records, not for certificates.</summary>
    public byte[] Seal(ReadOnlySpan<byte> data) => HMACSHA256.HashData(sealKey, data);

    /// <summary>For the framework's builder of CRLs.</summary>
    public X509SignatureGenerator Generator() => new ThroughSigner(this);

    public void Dispose()
    {
        signing.Dispose();
        verifying.Dispose();
        secret.Dispose();
        CryptographicOperations.ZeroMemory(sealKey);
    }

    private bool Tried()
    {
        var trial = "a trial signature"u8;
        return secret.Fits(Ca.Scheme) && Verify(trial, Sign(trial));
    }

    private sealed class ThroughSigner(CaSigner signer) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm) => signer.Ca.Scheme.Identifier.ToArray();

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => signer.Sign(data);

        protected override PublicKey BuildPublicKey() => signer.Ca.Issuer.PublicKey;
    }
}
