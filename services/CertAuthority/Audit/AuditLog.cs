using System.Diagnostics;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Every decision, revocation and CRL, one record each, in signed batches (audit/certauthority/&lt;replica&gt;/&lt;sequence&gt;). A record is durable
/// within about half a second; what was signed stands in its claim before that. When the store does not take batches, decisions wait.
/// </summary>
internal sealed class AuditLog(ObjectStore store, AuditKey key, CertAuthorityOptions options, Ids ids, TimeProvider clock, ILogger<AuditLog> log) : BackgroundService
{
    public const string Service = "certauthority";
    private const int BatchSize = 500;
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(500), RetryEvery = TimeSpan.FromSeconds(1), MostWait = TimeSpan.FromSeconds(3);
    private readonly Channel<AuditRecord> queue = Channel.CreateBounded<AuditRecord>(new BoundedChannelOptions(20_000) { SingleReader = true });
    private string head = AuditChain.Origin;
    private long sequence;

    /// <summary>The stream's name, which is signed with each batch.</summary>
    public string Stream => $"{Service}/{options.Replica}";

    /// <param name="action">Dotted, e.g. csr.refused.</param>
    /// <param name="outcome">"allow", "deny" or "error".</param>
    /// <param name="certname">Empty where what was asked for is no certname.</param>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: the store has taken no batch for so long that no record fits any more.</exception>
    public async ValueTask Write(string action, string outcome, string certname, Caller by, string serial = "", string spki = "", Decision? decision = null, CancellationToken cancel = default)
    {
        var record = RecordOf(action, outcome, certname, by, serial, spki, decision);
        if (queue.Writer.TryWrite(record))
            return;
        try
        {
            await queue.Writer.WriteAsync(record, cancel).AsTask().WaitAsync(MostWait, clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the audit log can't be written, so nothing is decided; try again");
        }
    }

    /// <summary>For what must not wait for the audit log: a list of revoked certificates stands in the store by itself.</summary>
    public void Note(string action, string outcome, Caller by, string serial) =>
        queue.Writer.TryWrite(RecordOf(action, outcome, "", by, serial, "", null));

    private AuditRecord RecordOf(string action, string outcome, string certname, Caller by, string serial, string spki, Decision? decision) => new()
    {
        Id = ids.Ordered(),
        At = clock.GetUtcNow().ToTimestamp(),
        Action = action,
        Outcome = outcome,
        Certname = certname,
        Actor = by.Actor,
        Peer = by.Peer,
        Serial = serial,
        SpkiSha256 = spki,
        Decision = decision,
        TraceId = Activity.Current?.TraceId.ToString() ?? "",
    };

    /// <summary>Takes up the chain where the last run of this replica left it.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await Resume(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public override Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Writer.TryComplete();
        return base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (await queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            await Linger(stoppingToken);
            var records = new List<AuditRecord>(BatchSize);
            while (records.Count < BatchSize && queue.Reader.TryRead(out var record))
                records.Add(record);
            await Flush(records, stoppingToken);
        }
    }

    private async Task Linger(CancellationToken stopping)
    {
        if (queue.Reader.Count < BatchSize)
            await Task.Delay(FlushEvery, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Flush(List<AuditRecord> records, CancellationToken stopping)
    {
        var writeId = ids.Unguessable();
        while (true)
        {
            try
            {
                var batch = AuditChain.Seal(records, head, sequence + 1, Stream, writeId, key.Key);
                var outcome = await store.PutIfAbsent(ObjectKeys.Audit(Service, options.Replica, batch.Sequence), batch, CancellationToken.None);
                if (outcome == PutOutcome.Stored)
                {
                    (head, sequence) = (batch.HeadSha256, batch.Sequence);
                    return;
                }
                // An earlier try that did arrive, or another process under this replica's name, behind which we go on.
                if (await Resume(CancellationToken.None) == writeId)
                    return;
                Log.AuditOvertaken(log, Stream, sequence);
            }
            catch (FaultException e)
            {
                Log.AuditWaits(log, records.Count, e.Message);
                if (stopping.IsCancellationRequested)
                    return;
                await Task.Delay(RetryEvery, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    // Whose write the last batch is.
    private async Task<string> Resume(CancellationToken cancel)
    {
        var after = sequence == 0 ? null : ObjectKeys.Audit(Service, options.Replica, sequence);
        string? last = null;
        await foreach (var found in store.List(ObjectKeys.AuditOf(Service, options.Replica), after, cancel))
            last = found;
        if (last is null || await store.Get<AuditBatch>(last, cancel) is not { } batch)
            return "";
        (head, sequence) = (batch.HeadSha256, batch.Sequence);
        return batch.WriteId;
    }
}
