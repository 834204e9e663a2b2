using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>Every record of a name or serial, over all streams. Looks for the text before it parses anything.</summary>
internal sealed class AuditSearch(ObjectStore store, AuditReaders readers)
{
    /// <returns>Oldest first.</returns>
    public async Task<IReadOnlyList<AuditRecord>> Run(string text, Func<AuditRecord, bool> wanted, CancellationToken cancel)
    {
        using var seat = await readers.Enter(cancel);
        var found = new List<AuditRecord>();
        var bytes = Encoding.UTF8.GetBytes(text);
        await foreach (var (_, body) in AuditObjects.Read(
            store, await AuditObjects.List(store, ObjectKeys.AuditStreams, null, cancel), cancel))
        {
            if (body.AsSpan().IndexOf(bytes) >= 0)
                found.AddRange(Records(body).Where(r => r.Contains(text, StringComparison.Ordinal)).SelectMany(Parsed).Where(wanted));
        }
        return [.. found.OrderBy(r => r.At?.ToDateTimeOffset() ?? default).ThenBy(r => r.Id, StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Records(byte[] body)
    {
        try
        {
            return RecordJson.Read<AuditBatch>(body).Records;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            // For verification to report.
            return [];
        }
    }

    private static IEnumerable<AuditRecord> Parsed(string text)
    {
        try
        {
            return [RecordJson.Read<AuditRecord>(text)];
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return [];
        }
    }
}
