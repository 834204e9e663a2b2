using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>What the audit log says that the store must hold. Reads only the records that say such a thing.</summary>
internal sealed class RecordedActs
{
    public const string Released = "cert.released", Recovered = "cert.recovered";
    private const string CrlPrefix = "crl-";

    /// <summary>Serial to the times it was released; recovered ones only count where nothing else does.</summary>
    public Dictionary<string, int> Releases { get; } = new(StringComparer.Ordinal);
    public HashSet<string> Recoveries { get; } = new(StringComparer.Ordinal);
    public HashSet<string> Revocations { get; } = new(StringComparer.Ordinal);
    public HashSet<string> BlockedNames { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of which something was changed since, a quarantine lifted, say: other blocks may still stand, but need not.</summary>
    public HashSet<string> ChangedNames { get; } = new(StringComparer.Ordinal);
    public long NewestCrl { get; private set; }

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
        switch (record.Action)
        {
            case Released:
                Releases[record.Serial] = Releases.GetValueOrDefault(record.Serial) + 1;
                break;
            case Recovered:
                Recoveries.Add(record.Serial);
                break;
            case "cert.revoked" or "claim.voided" when record.Serial.Length > 0:
                Revocations.Add(record.Serial);
                break;
            case "name.blocked":
                BlockedNames.Add(record.Certname);
                break;
            case var action when action.StartsWith("name.", StringComparison.Ordinal):
                ChangedNames.Add(record.Certname);
                break;
            case "crl.published" when record.Serial.StartsWith(CrlPrefix, StringComparison.Ordinal) && long.TryParse(record.Serial.AsSpan(CrlPrefix.Length), out var number):
                NewestCrl = Math.Max(NewestCrl, number);
                break;
        }
    }
}
