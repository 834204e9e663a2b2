using System.Globalization;
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

    private const string DroppedPrefix = "sha256:";

    /// <summary>2: the signature covers the whole batch; 1 (still read) covered stream, sequence and last hash alone.</summary>
    public const uint Schema = 2;

    /// <param name="others">Positions of the other streams.</param>
    public static AuditBatch Seal(IEnumerable<AuditRecord> records, string previous, long sequence, string stream, string writeId,
        ECDsa key, IEnumerable<AuditHead>? others = null)
    {
        var batch = new AuditBatch { Schema = Schema, WriteId = writeId, Sequence = sequence, Kid = LaunchKeyId.Of(key),
            Others = { others ?? [] } };
        foreach (var record in records)
        {
            record.PreviousSha256 = previous;
            var text = RecordJson.WriteText(record);
            previous = Hash(text);
            batch.Records.Add(text);
        }
        batch.HeadSha256 = previous;
        batch.Signature = ByteString.CopyFrom(key.SignData(Signed(batch, stream), HashAlgorithmName.SHA256));
        return batch;
    }

    public static bool IsSigned(AuditBatch batch, string stream, ECDsa key) =>
        key.VerifyData(Signed(batch, stream), batch.Signature.Span, HashAlgorithmName.SHA256);

    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Whether the record names this hash as its predecessor's.</summary>
    public static bool Follows(string text, string previous) =>
        // As our own writer ends a record; to parse each of 100,000 would take seconds.
        (previous.Length > 0 && text.EndsWith($"\"previousSha256\": \"{previous}\" }}", StringComparison.Ordinal))
        || RecordJson.Read<AuditRecord>(text).PreviousSha256 == previous;

    /// <summary>Takes the text of records out and leaves its hash, which is all that the chain needs.</summary>
    /// <param name="batch">Changed in place.</param>
    /// <param name="drops">Which ones.</param>
    /// <param name="stream">Its stream.</param>
    /// <param name="key">The stream's audit key of today.</param>
    /// <returns>False: there is none to take out.</returns>
    public static bool Drop(AuditBatch batch, Func<AuditRecord, bool> drops, string stream, ECDsa key)
    {
        var before = batch.Dropped.Count;
        for (var place = 0; place < batch.Records.Count; place++)
        {
            if (batch.Dropped.Contains(place) || !drops(RecordJson.Read<AuditRecord>(batch.Records[place])))
                continue;
            batch.Records[place] = DroppedPrefix + Hash(batch.Records[place]);
            batch.Dropped.Add(place);
        }
        if (batch.Dropped.Count == before)
            return false;
        batch.DroppedKid = LaunchKeyId.Of(key);
        batch.DroppedSignature = ByteString.CopyFrom(key.SignData(DroppedText(batch, stream), HashAlgorithmName.SHA256));
        return true;
    }

    /// <summary>Whether this key took these records out.</summary>
    public static bool IsDropSigned(AuditBatch batch, string stream, ECDsa key) =>
        key.VerifyData(DroppedText(batch, stream), batch.DroppedSignature.Span, HashAlgorithmName.SHA256);

    /// <summary>The hash that replaces a record that was taken out; null: there is something else.</summary>
    public static string? DroppedHash(string text) =>
        text.Length == DroppedPrefix.Length + 64 && text.StartsWith(DroppedPrefix, StringComparison.Ordinal)
            && text.AsSpan(DroppedPrefix.Length).IndexOfAnyExcept(Hexadecimal) < 0 ? text[DroppedPrefix.Length..] : null;

    private static readonly System.Buffers.SearchValues<char> Hexadecimal = System.Buffers.SearchValues.Create("0123456789abcdef");

    private static byte[] DroppedText(AuditBatch batch, string stream) =>
        Encoding.UTF8.GetBytes(
            $"overture-audit-dropped-1\n{stream}\n{batch.Sequence}\n{batch.HeadSha256}\n{batch.DroppedKid}\n"
                + string.Join(',', batch.Dropped));

    private static byte[] Signed(AuditBatch batch, string stream)
    {
        if (batch.Schema == 1)
            return Encoding.UTF8.GetBytes($"overture-audit-1\n{stream}\n{batch.Sequence}\n{batch.HeadSha256}");
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"overture-audit-2\n{stream}\n{batch.Sequence}\n{batch.HeadSha256}\n{batch.WriteId}\n{batch.Kid}");
        foreach (var other in batch.Others)
            text.Append(CultureInfo.InvariantCulture, $"\n{other.Stream} {other.Sequence} {other.HeadSha256}");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
