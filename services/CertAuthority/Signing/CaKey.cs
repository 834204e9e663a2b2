using System.Security.Cryptography;
using Overture.CertAuthority.PuppetApi;

namespace Overture.CertAuthority.Signing;

/// <summary>The CA's private key as numbers, from which copies are made; wiped at the end.</summary>
internal sealed class CaKey : IDisposable
{
    private readonly RSAParameters? rsa;
    private readonly ECParameters? ec;

    private CaKey(RSAParameters? rsa, ECParameters? ec) => (this.rsa, this.ec) = (rsa, ec);

    /// <param name="pem">ENCRYPTED PRIVATE KEY, RSA or EC.</param>
    /// <param name="passphrase">Without white space around it.</param>
    /// <exception cref="CryptographicException">It does not open, or is of another kind.</exception>
    /// <exception cref="ArgumentException">No PEM, or not encrypted.</exception>
    public static CaKey Read(string pem, string passphrase)
    {
        try
        {
            using var key = RSA.Create();
            key.ImportFromEncryptedPem(pem, passphrase);
            return new CaKey(key.ExportParameters(includePrivateParameters: true), null);
        }
        catch (CryptographicException)
        {
            // Not RSA, or the wrong passphrase; this shows which.
            using var key = ECDsa.Create();
            key.ImportFromEncryptedPem(pem, passphrase);
            return new CaKey(null, key.ExportParameters(includePrivateParameters: true));
        }
    }

    public AsymmetricAlgorithm Open() => rsa is { } r ? RSA.Create(r) : ECDsa.Create(ec!.Value);

    /// <summary>
    /// A key for another purpose, which reveals nothing of this one. Of its number alone, so that no other spelling of the key changes it.
    /// </summary>
    public byte[] Derive(string purpose) => HMACSHA256.HashData(rsa?.D ?? ec!.Value.D!, System.Text.Encoding.ASCII.GetBytes(purpose));

    public bool Fits(SignatureScheme scheme) => scheme.IsRsa == rsa.HasValue;

    public void Dispose()
    {
        foreach (var part in new[] { rsa?.D, rsa?.P, rsa?.Q, rsa?.DP, rsa?.DQ, rsa?.InverseQ, ec?.D })
            CryptographicOperations.ZeroMemory(part);
    }
}
