using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Overture.Cli.Pki;

/// <summary>
/// The CA of the internal PKI with its key, as `overture pki init` leaves it, or as it was taken out of cert-manager's Secret.
/// </summary>
public sealed class InternalCa : IDisposable
{
    private InternalCa(X509Certificate2 certificate) => Certificate = certificate;

    /// <summary>With its private key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <param name="home">Holds pki/ca.pem and pki/ca.key.</param>
    /// <exception cref="InvalidOperationException">They are not there, do not belong together, or are no CA.</exception>
    public static InternalCa Open(string home)
    {
        var (file, keyFile) = (Path.Combine(home, "pki", "ca.pem"), Path.Combine(home, "pki", "ca.key"));
        if (Array.Find([file, keyFile], f => !File.Exists(f)) is { } missing)
            throw new InvalidOperationException($"there is no {missing}: this needs the CA of the internal PKI and its key");
        try
        {
            var ca = new InternalCa(X509Certificate2.CreateFromPemFile(file, keyFile));
            if (ca.Certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault()?.CertificateAuthority == true)
                return ca;
            ca.Dispose();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new InvalidOperationException($"{file} and {keyFile} are not a certificate and its key: {e.Message}", e);
        }
        throw new InvalidOperationException($"{file} is no CA's certificate");
    }

    /// <summary>Signs with the CA's key, of whatever kind it is.</summary>
    public X509SignatureGenerator Signer()
    {
        if (Certificate.GetECDsaPrivateKey() is { } ec)
            return X509SignatureGenerator.CreateForECDsa(ec);
        return Certificate.GetRSAPrivateKey() is { } rsa ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1)
            : throw new InvalidOperationException("the key of the internal CA is neither EC nor RSA");
    }

    public void Dispose() => Certificate.Dispose();
}
