using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Revocation;

/// <summary>A list that was published.</summary>
/// <param name="SeenAt">When this process saw it, by its own time.</param>
internal sealed record StandingCrl(CrlRecord Record, CrlDocument Read, long SeenAt);

/// <summary>
/// The newest list: of the store, or the one kept here where the store has an older one, none, or a damaged one. A number that was once
/// seen is not given away again, and what a list held that was newest before stays to be carried over.
/// </summary>
internal sealed class PublishedCrls(ObjectStore store, KeptCrl kept, CaSigner signer, TimeProvider clock, ILogger log)
{
    private readonly HashSet<string> reported = new(StringComparer.Ordinal);
    private readonly List<CrlDocument> earlier = [];
    // A kept list may have been replaced while this process was down; one that this process read from the store can only vanish.
    private bool recalled, compared;
    // The last one that this process published, and when: it is seen from then on, not from the next look.
    private (long Number, long At) ours;

    public StandingCrl? Newest { get; private set; }

    /// <summary>Lists whose entries the next one must hold too, unless they are over.</summary>
    public IEnumerable<CrlDocument> Earlier => Newest is null ? earlier : earlier.Append(Newest.Read);

    /// <summary>A list that the store lost or damaged, so that another has to be put above it; null: none.</summary>
    public string? Damaged { get; private set; }

    /// <summary>Takes up the kept list, once, before the store is asked.</summary>
    /// <returns>The serials on it.</returns>
    public IReadOnlySet<SerialNumber>? Recall()
    {
        if (recalled)
            return null;
        recalled = true;
        if (kept.Read() is not var (record, read))
            return null;
        Newest = new(record, read, clock.GetTimestamp());
        return read.Serials;
    }

    /// <summary>Looks for a newer list in the store, and at what became of the newest.</summary>
    public async Task Look(CancellationToken cancel)
    {
        var keys = new List<string>();
        // From the newest on: it has to be there itself.
        await foreach (var key in store.List(
            ObjectKeys.Crls, Newest is { Record.Number: > 0 } known ? ObjectKeys.Crl(known.Record.Number - 1) : null, cancel))
        {
            keys.Add(key);
        }
        var own = Newest is null ? null : ObjectKeys.Crl(Newest.Record.Number);
        var newer = keys.Where(k => string.CompareOrdinal(k, own) > 0).ToList();
        for (var i = newer.Count - 1; i >= 0; i--)
        {
            if (await Read(newer[i], cancel) is var (record, read))
            {
                Take(record, read);
                return;
            }
            if (reported.Add(newer[i]))
            {
                Log.ForeignCrl(log, newer[i]);
                Damaged = newer[i];
            }
        }
        // Nothing newer that is good: then the newest that is known must be there as it was.
        if (own is not null && !reported.Contains(own))
            await Compare(own, keys.Contains(own), cancel);
    }

    /// <summary>Everything of earlier lists is known by now.</summary>
    public void Carried()
    {
        earlier.Clear();
        if (Newest is not null)
            kept.Keep(Newest.Record);
    }

    /// <summary>The store took this list; it was not served yet.</summary>
    public void Published(CrlRecord next)
    {
        kept.Keep(next);
        ours = (next.Number, clock.GetTimestamp());
        Damaged = null;
    }

    private void Take(CrlRecord record, CrlDocument read)
    {
        if (Newest is not null)
            earlier.Add(Newest.Read);
        Newest = new(record, read, record.Number == ours.Number ? ours.At : clock.GetTimestamp());
        compared = true;
    }

    private async Task Compare(string own, bool listed, CancellationToken cancel)
    {
        if (listed && compared)
            return;
        var stored = listed ? await Read(own, cancel) : null;
        if (stored is var (record, _) && record.Pem == Newest!.Record.Pem)
        {
            compared = true;
            return;
        }
        if (stored is { } other)
            earlier.Add(other.Read);
        Log.CrlLost(
            log, own, !listed ? "is gone from the store" : stored is null ? "is damaged in the store" : "is another list in the store");
        reported.Add(own);
        Damaged = own;
    }

    private async Task<(CrlRecord Record, CrlDocument Read)?> Read(string key, CancellationToken cancel)
    {
        try
        {
            if (await store.Get<CrlRecord>(key, cancel) is not { } record || CrlDocument.Of(record, signer.Ca) is not { } read
                || key != ObjectKeys.Crl(read.Number))
            {
                return null;
            }
            // It is served whole, and nothing but lists of our chain may be in it.
            record.Pem = string.Concat(CrlPem.Split(record.Pem)
                .Where(list => signer.Ca.Chain.Any(ca => SignatureScheme.IsSignedBy(list, ca))).Select(CrlPem.Write));
            return (record, read);
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }
}
