using System.Security.Cryptography;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Blocks, revocations and the newest list against the bytes that the log says were written; and the newest list of the store against the
/// CA's key, also where the log says nothing of it.
/// </summary>
internal sealed class WrittenCheck(ObjectStore store, CaSigner signer)
{
    private const int AtOnce = 8;
    private static readonly string Quarantined = BlockKind.Quarantined.ToString().ToLowerInvariant();

    /// <param name="acts">What the log says; all of it was read before the store is looked at here.</param>
    /// <param name="tell">Receives each problem; not called by two at once.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Run(RecordedActs acts, Action<string> tell, CancellationToken cancel)
    {
        // 1. Every object that was written is there, as it was written.
        var gate = new Lock();
        await Parallel.ForEachAsync(
            acts.Objects, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (written, stop) =>
        {
            if (await Problem(written.Key, written.Value, acts, stop) is { } problem)
            {
                lock (gate)
                    tell($"{written.Key}: {problem}");
            }
        });
        // 2. The newest list, which all clients have.
        string? newest = null;
        await foreach (var key in store.List(ObjectKeys.Crls, null, cancel))
            newest = key;
        if (newest is not null && !acts.Objects.ContainsKey(newest) && await ListProblem(newest, cancel) is { } damage)
            tell($"{newest}: {damage}");
    }

    private async Task<string?> Problem(string key, HashSet<string> versions, RecordedActs acts, CancellationToken cancel)
    {
        try
        {
            if (await store.Get(key, cancel) is { } found)
                return versions.Contains(WrittenObject.Hash(found.Body)) ? null : "is not what was written: it was changed, or cut short";
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return e.Message;
        }
        // A quarantine is lifted by taking its block away; of lists a newer one will do, which the inventory looks for.
        var lifted = key.Split('/') is [.., var name, var id] && id == Quarantined && acts.ChangedNames.Contains(name);
        return lifted || key.StartsWith(ObjectKeys.Crls, StringComparison.Ordinal) ? null : "was written, and is gone";
    }

    private async Task<string?> ListProblem(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<CrlRecord>(key, cancel) is not { } record)
                return null;
            return CrlPem.Split(record.Pem) is [var own, ..] && CrlDocument.Read(own, signer.Ca).Number == record.Number
                && key == ObjectKeys.Crl(record.Number)
                ? null : "is not a CRL of this CA under its own number";
        }
        catch (Exception e)
            when (e is InvalidDataException or UnreadableObjectException or CryptographicException or FormatException or ArgumentException)
        {
            return $"is not a CRL of this CA: {e.Message}";
        }
    }
}
