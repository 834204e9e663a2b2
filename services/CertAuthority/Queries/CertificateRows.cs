using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>
/// Every certificate as a small row. Claims and certificates never change, so each is read once, when a list is asked for the first time;
/// after that a list costs the listing of keys and the reading of what is new. A replica that is never asked keeps nothing.
/// </summary>
internal sealed class CertificateRows(ObjectStore store, ClaimStore claims, CertificateReading reading, UnclaimedCertificates unclaimed,
    DamagedObjects damaged, TimeProvider clock)
{
    private const int AtOnce = 32, Portion = 20_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<string, string> texts = new(StringComparer.Ordinal);
    // Keys that were read, by hash: 16 bytes each, where the keys themselves would take ten times as much.
    private readonly HashSet<UInt128> known = [];
    private volatile CertificateTable table = CertificateTable.Empty;
    private Task running = Task.CompletedTask;
    private Task? next;
    private int read;

    /// <summary>As last looked at.</summary>
    public CertificateTable Table => table;

    /// <summary>All was read once; before that <see cref="Table"/> lacks some.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Looks at the store; what is new is in <see cref="Table"/> then.</summary>
    /// <exception cref="FaultException">STARTING: there is so much to read that a caller should not wait. It goes on.</exception>
    public async Task Refresh(CancellationToken cancel)
    {
        // A look that began before this call may have passed by what the caller knows of, so the next one counts, for all that wait. A
        // caller that hangs up, or whose patience ends, does not stop it.
        Task mine;
        lock (gate)
            mine = next ??= Task.Run(() => After(running), CancellationToken.None);
        try
        {
            await mine.WaitAsync(Patience, clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.Starting,
                $"this CertAuthority reads all certificates for its first list, {Volatile.Read(ref read)} so far; the list is available "
                    + "once it has read them all. Single certificates can be shown now");
        }
    }

    private async Task After(Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (gate)
            (running, next) = (next!, null);
        await Look(CancellationToken.None);
    }

    private async Task Look(CancellationToken cancel)
    {
        // 1. claims first: a claim is stored before its certificate
        var open = await Unknown(ObjectKeys.Claims, key => !IsOwn(key), cancel);
        var released = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.Certificates, null, cancel))
            released.Add(key[ObjectKeys.Certificates.Length..]);

        // 2. what is new of them; in portions, so that an outage of the store does not lose all that was read
        foreach (var portion in open.Chunk(Portion))
            Add(await Each(portion, key => OfClaim(key, released, cancel), cancel));

        // 3. certificates without a claim: lost, seen in use, or moved in under a name that no certname may be
        released.ExceptWith(table.Serials);
        var bare = released.Select(ObjectKeys.Certificate).Where(k => !known.Contains(Hash(k))).ToList();
        Add(await Each(bare, key => OfCertificate(key, cancel), cancel));
        table = table.With((await unclaimed.All(cancel)).Select(OfUnclaimed).Select(Shared));
        IsWhole = true;
    }

    private void Add(IReadOnlyCollection<(string Key, CertificateRow? Row)> looked)
    {
        foreach (var (key, _) in looked)
            known.Add(Hash(key));
        table = table.With(looked.Select(l => l.Row).OfType<CertificateRow>());
    }

    private async Task<List<string>> Unknown(string prefix, Func<string, bool> wanted, CancellationToken cancel)
    {
        var open = new List<string>();
        await foreach (var key in store.List(prefix, null, cancel))
        {
            if (wanted(key) && !known.Contains(Hash(key)))
                open.Add(key);
        }
        return open;
    }

    // Those that are done with: of each the row, or null where there will never be one. What is not done is looked at again the next time.
    private async Task<IReadOnlyCollection<(string, CertificateRow?)>> Each(
        IReadOnlyList<string> keys, Func<string, Task<(bool Done, CertificateRow? Row)>> look, CancellationToken cancel)
    {
        var found = new ConcurrentBag<(string, CertificateRow?)>();
        await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
            async (key, stop) =>
            {
                try
                {
                    if (await look(key) is (true, var row))
                        found.Add((key, row is null ? null : Shared(row)));
                }
                catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
                {
                    // It hides no other.
                    await damaged.Report(e, "", stop);
                }
                Interlocked.Increment(ref read);
            });
        return found;
    }

    private async Task<(bool, CertificateRow?)> OfClaim(string key, HashSet<string> released, CancellationToken cancel) =>
        await claims.Read(key, cancel) is { } claim && await reading.Of(claim, released.Contains(claim.Serial), cancel) is { } row
            ? (true, row) : (false, null);

    private async Task<(bool, CertificateRow?)> OfCertificate(string key, CancellationToken cancel) =>
        await claims.Certificate(key[ObjectKeys.Certificates.Length..], cancel) is not { } certificate ? (false, null)
            : (true, RequestNames.IsOwn(CertName.Parse(certificate.Certname)) ? null : CertificateReading.Of(certificate, "", Issuers.Own));

    private static CertificateRow OfUnclaimed(CertificateRecord certificate) => certificate.Claim == RecordedCertificates.Imported
        ? CertificateReading.Of(certificate, Issuers.Import, Issuers.Import)
        : CertificateReading.Of(certificate, RecordedCertificates.Seen, Issuers.Own);

    private static bool IsOwn(string claim) =>
        claim.AsSpan(ObjectKeys.Claims.Length).StartsWith(RequestNames.OwnPrefix, StringComparison.Ordinal);

    private CertificateRow Shared(CertificateRow row) =>
        row with { GrantedBy = Shared(row.GrantedBy), KeyAlgorithm = Shared(row.KeyAlgorithm), Issuer = Shared(row.Issuer) };

    private string Shared(string text) => texts.GetOrAdd(text, text);

    private static UInt128 Hash(string key) =>
        System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
