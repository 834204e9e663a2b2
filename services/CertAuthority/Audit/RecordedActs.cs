using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>What the audit log says that the store must hold. Reads only the records that say such a thing.</summary>
/// <param name="keepObjects">Also what was written, byte for byte: for a verification; a sweep has no use for it.</param>
internal sealed class RecordedActs(bool keepObjects = false)
{
    private const string CrlPrefix = "crl-";

    /// <summary>Serial to the times it was released; recovered ones only count where nothing else does.</summary>
    public Dictionary<string, int> Releases { get; } = new(StringComparer.Ordinal);
    public HashSet<string> Recoveries { get; } = new(StringComparer.Ordinal);
    public HashSet<string> Revocations { get; } = new(StringComparer.Ordinal);
    /// <summary>Serials whose record was gone from the store and was written back, and when.</summary>
    public Dictionary<string, DateTimeOffset> Restored { get; } = new(StringComparer.Ordinal);
    public HashSet<string> BlockedNames { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of which something was changed since, a quarantine lifted, say: other blocks may still exist, but need not.</summary>
    public HashSet<string> ChangedNames { get; } = new(StringComparer.Ordinal);
    public long NewestCrl { get; private set; }

    /// <summary>Blocks and revocations by key, with the hash of each version that was written; and the newest list.</summary>
    public Dictionary<string, HashSet<string>> Objects { get; } = new(StringComparer.Ordinal);

    private string newestList = "";
    /// <summary>Takes each release as it is read; null where not needed.</summary>
    public Action<AuditRecord>? OnRelease { get; init; }

    public bool HasRelease(string serial) => Releases.ContainsKey(serial) || Recoveries.Contains(serial);

    public void Take(string text)
    {
        // To parse each of 100,000 would take seconds; refusals, the most of them, say nothing here.
        if (!text.Contains("\"action\": \"c", StringComparison.Ordinal) && !text.Contains("\"action\": \"name.", StringComparison.Ordinal))
            return;
        if (text.Contains("\"action\": \"csr.", StringComparison.Ordinal))
            return;
        AuditRecord record;
        try
        {
            record = RecordJson.Read<AuditRecord>(text);
        }
        catch (InvalidDataException)
        {
            return;
        }
        if (keepObjects && record.Object.Length > 0)
            Keep(record);
        Count(record);
    }

    private void Count(AuditRecord record)
    {
        if (AuditAction.Released.Is(record))
        {
            Releases[record.Serial] = Releases.GetValueOrDefault(record.Serial) + 1;
            OnRelease?.Invoke(record);
        }
        else if (AuditAction.Recovered.Is(record))
        {
            Recoveries.Add(record.Serial);
            OnRelease?.Invoke(record);
        }
        else if ((AuditAction.Revoked.Is(record) || AuditAction.ClaimVoided.Is(record)) && record.Serial.Length > 0)
        {
            Revocations.Add(record.Serial);
        }
        else if (AuditAction.RevocationRestored.Is(record))
        {
            Revocations.Add(record.Serial);
            Restored[record.Serial] = record.At.ToDateTimeOffset();
        }
        else if (AuditAction.NameBlocked.Is(record))
        {
            BlockedNames.Add(record.Certname);
        }
        else if (record.Action.StartsWith("name.", StringComparison.Ordinal))
        {
            ChangedNames.Add(record.Certname);
        }
        else if (AuditAction.CrlPublished.Is(record) && record.Serial.StartsWith(CrlPrefix, StringComparison.Ordinal)
            && long.TryParse(record.Serial.AsSpan(CrlPrefix.Length), out var number))
        {
            NewestCrl = Math.Max(NewestCrl, number);
        }
    }

    // Of lists only the newest has to be there.
    private void Keep(AuditRecord record)
    {
        if (record.Object.StartsWith(ObjectKeys.Crls, StringComparison.Ordinal))
        {
            if (string.CompareOrdinal(newestList, record.Object) > 0)
                return;
            if (newestList != record.Object)
                Objects.Remove(newestList);
            newestList = record.Object;
        }
        if (!Objects.TryGetValue(record.Object, out var versions))
            Objects[record.Object] = versions = new HashSet<string>(StringComparer.Ordinal);
        versions.Add(record.ObjectSha256);
    }
}
