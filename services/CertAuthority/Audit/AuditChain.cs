using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The arithmetic of the audit log: each record holds the hash of the one before, each batch's last hash is signed. Who alters, drops, adds
/// or swaps a record breaks every hash after it. Pure.
/// </summary>
internal static class AuditChain
{
    /// <summary>The first record's predecessor.</summary>
    public const string Origin = "";

    public static AuditBatch Seal(IEnumerable<AuditRecord> records, string previous, long sequence, string stream, string writeId, ECDsa key)
    {
        var batch = new AuditBatch { Schema = 1, WriteId = writeId, Sequence = sequence, Kid = LaunchKeyId.Of(key) };
        foreach (var record in records)
        {
            record.PreviousSha256 = previous;
            var text = RecordJson.WriteText(record);
            previous = Hash(text);
            batch.Records.Add(text);
        }
        batch.HeadSha256 = previous;
        batch.Signature = ByteString.CopyFrom(key.SignData(Head(batch, stream), HashAlgorithmName.SHA256));
        return batch;
    }

    /// <summary>What is wrong with a stream, read from its beginning; null when all of it holds.</summary>
    public static string? Broken(IEnumerable<AuditBatch> batches, string stream, ECDsa key)
    {
        var previous = Origin;
        var sequence = 0L;
        foreach (var batch in batches)
        {
            if (batch.Sequence != ++sequence)
                return $"batch {sequence} is missing";
            foreach (var text in batch.Records)
            {
                if (RecordJson.Read<AuditRecord>(text).PreviousSha256 != previous)
                    return $"a record of batch {sequence} does not follow the one before it";
                previous = Hash(text);
            }
            if (batch.HeadSha256 != previous)
                return $"the head of batch {sequence} is not its last record's hash";
            if (!key.VerifyData(Head(batch, stream), batch.Signature.Span, HashAlgorithmName.SHA256))
                return $"the signature of batch {sequence} does not verify";
        }
        return null;
    }

    private static byte[] Head(AuditBatch batch, string stream) => Encoding.UTF8.GetBytes($"overture-audit-1\n{stream}\n{batch.Sequence}\n{batch.HeadSha256}");

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
