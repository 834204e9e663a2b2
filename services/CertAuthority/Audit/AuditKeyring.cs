using System.Security.Cryptography;
using Overture.CertAuthority.Signing;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>The audit keys that the CA vouches for (audit-keys/), as far as they were read.</summary>
internal sealed class AuditKeyring(ObjectStore store, CaSigner signer) : IDisposable
{
    private readonly Dictionary<string, (string Stream, ECDsa Key)> known = new(StringComparer.Ordinal);

    /// <summary>Key records that vouch for nothing.</summary>
    public HashSet<string> Problems { get; } = new(StringComparer.Ordinal);

    public IEnumerable<string> Streams => known.Values.Select(k => k.Stream).Distinct(StringComparer.Ordinal);

    /// <summary>The key of this id, if it is vouched for as this stream's.</summary>
    public ECDsa? Find(string kid, string stream) => known.TryGetValue(kid, out var found) && found.Stream == stream ? found.Key : null;

    /// <summary>Reads the records that are not known yet.</summary>
    public async Task Refresh(CancellationToken cancel)
    {
        await foreach (var path in store.List(ObjectKeys.AuditKeys, null, cancel))
        {
            var kid = path[ObjectKeys.AuditKeys.Length..];
            if (known.ContainsKey(kid))
                continue;
            if (await Read(path, cancel) is { } record && record.Kid == kid && AuditKeyAttestation.Read(record, signer) is { } key)
                known[kid] = (record.Stream, key);
            else
                Problems.Add($"{path}: the CA does not vouch for this audit key");
        }
    }

    public void Dispose()
    {
        foreach (var (_, key) in known.Values)
            key.Dispose();
    }

    private async Task<AuditKeyRecord?> Read(string path, CancellationToken cancel)
    {
        try
        {
            return await store.Get<AuditKeyRecord>(path, cancel);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }
}
