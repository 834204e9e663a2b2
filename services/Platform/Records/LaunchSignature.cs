using System.Security.Cryptography;
using Google.Protobuf;
using Overture.Records.V1;

namespace Overture.Platform.Records;

/// <summary>
/// The Conductor's half: signs launch records and observations with ES256, so that a writer of the bucket can't invent an instance
/// (threats T82), nor say that it runs.
/// </summary>
public sealed class LaunchSigner(ECDsa key) : IDisposable
{
    public string Kid { get; } = LaunchKeyId.Of(key);

    public SignedLaunch Sign(LaunchRecord record, string writeId)
    {
        var payload = RecordJson.Write(record);
        return new SignedLaunch
        {
            Schema = 1,
            WriteId = writeId,
            Payload = ByteString.CopyFrom(payload),
            Kid = Kid,
            Signature = Signature(payload),
        };
    }

    public SignedObservation Sign(Observation observation, string writeId)
    {
        var payload = RecordJson.Write(observation);
        return new SignedObservation
        {
            Schema = 1,
            WriteId = writeId,
            Payload = ByteString.CopyFrom(payload),
            Kid = Kid,
            Signature = Signature(LaunchKeyId.OfObservation(payload)),
        };
    }

    public void Dispose() => key.Dispose();

    private ByteString Signature(byte[] data) =>
        ByteString.CopyFrom(key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation));
}

/// <summary>CertAuthority's half: a pinned set of public keys by key id.</summary>
public sealed class LaunchVerifier(IEnumerable<ECDsa> trusted)
{
    private readonly Dictionary<string, ECDsa> keys = trusted.ToDictionary(LaunchKeyId.Of);
    // By the hash of all that was verified: an enrollment reads the same record several times.
    private readonly BoundedCache<string, LaunchRecord> verified = new(1000);

    /// <summary>DER of each trusted key's SubjectPublicKeyInfo.</summary>
    public IReadOnlyList<byte[]> PublicKeys { get; } = [.. trusted.Select(k => k.ExportSubjectPublicKeyInfo())];

    /// <summary>The record, if a trusted key signed these bytes for this very name; else null.</summary>
    public LaunchRecord? Verify(SignedLaunch signed, CertName certname)
    {
        if (!keys.TryGetValue(signed.Kid, out var key))
            return null;
        var payload = signed.Payload.Span;
        var seen = $"{signed.Kid} {Hash(payload)} {Hash(signed.Signature.Span)}";
        if (!verified.TryGet(seen, out var record))
        {
            if (!key.VerifyData(payload, signed.Signature.Span, HashAlgorithmName.SHA256,
                DSASignatureFormat.IeeeP1363FixedFieldConcatenation))
            {
                return null;
            }
            record = RecordJson.Read<LaunchRecord>(payload);
            verified.Add(seen, record);
        }
        return record.Certname == certname.ToString() ? record.Clone() : null;
    }

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The observation, if a trusted key signed it for this very name; else null.</summary>
    public Observation? Verify(SignedObservation signed, CertName certname)
    {
        var payload = signed.Payload.ToByteArray();
        if (!keys.TryGetValue(signed.Kid, out var key)
            || !key.VerifyData(LaunchKeyId.OfObservation(payload), signed.Signature.Span, HashAlgorithmName.SHA256,
                DSASignatureFormat.IeeeP1363FixedFieldConcatenation))
        {
            return null;
        }
        var observation = RecordJson.Read<Observation>(payload);
        return observation.Certname == certname.ToString() && observation.At is not null ? observation : null;
    }

    /// <summary>Reads every *.pem public key of a directory.</summary>
    public static LaunchVerifier FromDirectory(string directory)
    {
        var keys = new List<ECDsa>();
        foreach (var file in Directory.EnumerateFiles(directory, "*.pem").Order(StringComparer.Ordinal))
        {
            var key = ECDsa.Create();
            key.ImportFromPem(File.ReadAllText(file));
            keys.Add(key);
        }
        return keys.Count > 0 ? new LaunchVerifier(keys) : throw new InvalidOperationException($"no launch key (*.pem) in {directory}");
    }
}

/// <summary>Key id: the first 16 characters of base64url(SHA-256(SubjectPublicKeyInfo)).</summary>
public static class LaunchKeyId
{
    public static string Of(AsymmetricAlgorithm key) =>
        System.Buffers.Text.Base64Url.EncodeToString(SHA256.HashData(key.ExportSubjectPublicKeyInfo()))[..16];

    // Another purpose than a launch record: the one can't be passed off as the other.
    internal static byte[] OfObservation(byte[] payload) => [.. "overture-observation-1\n"u8, .. payload];
}
