using System.Security.Cryptography;
using Google.Protobuf;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>The object that an audited act wrote: verification demands these very bytes of the store.</summary>
internal static class WrittenObject
{
    public static AuditRecord Wrote(this AuditRecord record, string key, IMessage body)
    {
        (record.Object, record.ObjectSha256) = (key, Hash(RecordJson.Write(body)));
        return record;
    }

    public static string Hash(ReadOnlySpan<byte> body) => Convert.ToHexStringLower(SHA256.HashData(body));
}
