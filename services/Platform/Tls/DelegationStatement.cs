using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.Protos;

namespace Overture.Platform.Tls;

/// <summary>
/// What a person signs so that one console may act for them for a while (protos/overture/delegation.proto). Pure: whether the certificate
/// is of our PKI and good now is asked elsewhere.
/// </summary>
public static class DelegationStatement
{
    /// <summary>The gRPC metadata that carries it.</summary>
    public const string Header = "overture-delegation-bin";

    public const int NonceLength = 16;

    /// <summary>How far ahead of now it may end.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(8);

    // No other protocol that uses this key signs something that begins so; TLS 1.3 begins with 64 spaces.
    private static ReadOnlySpan<byte> Domain => "overture-delegation-1\n"u8;

    /// <param name="person">With its private key, EC or RSA.</param>
    /// <param name="consoleSha256">SHA-256 of the console's certificate, 32 bytes.</param>
    /// <param name="until">When it ends; fractions of a second are cut off.</param>
    /// <param name="nonce">16 random bytes.</param>
    /// <exception cref="CryptographicException">The key is neither EC nor RSA, or is not there.</exception>
    public static Delegation Sign(X509Certificate2 person, ReadOnlySpan<byte> consoleSha256, DateTimeOffset until, ReadOnlySpan<byte> nonce)
    {
        ArgumentNullException.ThrowIfNull(person);
        var delegation = new Delegation
        {
            Certificate = ByteString.CopyFrom(person.RawDataMemory.Span), ConsoleSha256 = ByteString.CopyFrom(consoleSha256),
            Until = new Timestamp { Seconds = until.ToUnixTimeSeconds() }, Nonce = ByteString.CopyFrom(nonce),
        };
        var statement = Bytes(delegation);
        using var ec = person.GetECDsaPrivateKey();
        using var rsa = person.GetRSAPrivateKey();
        delegation.Signature = ByteString.CopyFrom(
            ec?.SignData(statement, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
            ?? rsa?.SignData(statement, HashAlgorithmName.SHA256, RSASignaturePadding.Pss)
            ?? throw new CryptographicException("the certificate's key is neither EC nor RSA"));
        return delegation;
    }

    /// <summary>Whether this very certificate's key signed it.</summary>
    public static bool IsSignedBy(Delegation delegation, X509Certificate2 person)
    {
        ArgumentNullException.ThrowIfNull(delegation);
        ArgumentNullException.ThrowIfNull(person);
        var statement = Bytes(delegation);
        var signature = delegation.Signature.Span;
        using var ec = person.GetECDsaPublicKey();
        if (ec is not null)
            return ec.VerifyData(statement, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        using var rsa = person.GetRSAPublicKey();
        return rsa?.VerifyData(statement, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pss) == true;
    }

    // Each part has a fixed length, so that no two statements read the same.
    private static byte[] Bytes(Delegation delegation)
    {
        Span<byte> until = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(until, delegation.Until?.Seconds ?? 0);
        return [.. Domain, .. SHA256.HashData(delegation.Certificate.Span), .. delegation.ConsoleSha256.Span, .. until,
            .. delegation.Nonce.Span];
    }
}
