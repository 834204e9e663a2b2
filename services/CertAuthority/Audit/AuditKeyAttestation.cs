using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Signing;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>The CA's signature on a stream's audit key: a writer of the bucket could bring a key, but not this.</summary>
internal static class AuditKeyAttestation
{
    public static AuditKeyRecord For(string stream, ECDsa key, CaSigner signer, string writeId, DateTimeOffset at) => new()
    {
        Schema = 1,
        WriteId = writeId,
        Kid = LaunchKeyId.Of(key),
        Stream = stream,
        PublicKeyPem = key.ExportSubjectPublicKeyInfoPem() + "\n",
        Signature = ByteString.CopyFrom(signer.Sign(Text(stream, key))),
        At = at.ToTimestamp(),
    };

    /// <returns>The key it vouches for; null when the CA did not sign it, or another key's.</returns>
    public static ECDsa? Read(AuditKeyRecord record, CaSigner signer)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(record.PublicKeyPem);
            if (LaunchKeyId.Of(key) == record.Kid && signer.Verify(Text(record.Stream, key), record.Signature.Span))
                return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // no key at all
        }
        key.Dispose();
        return null;
    }

    private static byte[] Text(string stream, ECDsa key) =>
        Encoding.UTF8.GetBytes($"overture-audit-key-1\n{stream}\n{Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())}");
}
