using System.Collections.Concurrent;
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
internal sealed class AuditLog(AuditStream stream, Ids ids, TimeProvider clock, ILogger<AuditLog> log) : BackgroundService
{
    public const string Service = "certauthority";
    private const int BatchSize = 500;
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(500), RetryEvery = TimeSpan.FromSeconds(1), MostWait = TimeSpan.FromSeconds(3);
    // At most a list a second comes here, and only while the queue is full.
    private readonly ConcurrentQueue<AuditRecord> overflow = [];
    private readonly Channel<Entry> queue = Channel.CreateBounded<Entry>(new BoundedChannelOptions(20_000) { SingleReader = true });

    // A record; or, without one, somebody who waits until all before it is in the store.
    private readonly record struct Entry(AuditRecord? Record, TaskCompletionSource? Waiter);

    /// <param name="action">Dotted, e.g. csr.refused.</param>
    /// <param name="outcome">"allow", "deny" or "error".</param>
    /// <param name="certname">Empty where what was asked for is no certname.</param>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: the store has taken no batch for so long that no record fits any more.</exception>
    public async ValueTask Write(string action, string outcome, string certname, Caller by, string serial = "", string spki = "", Decision? decision = null, CancellationToken cancel = default)
    {
        var entry = new Entry(RecordOf(action, outcome, certname, by, serial, spki, decision), null);
        if (queue.Writer.TryWrite(entry))
            return;
        try
        {
            await queue.Writer.WriteAsync(entry, cancel).AsTask().WaitAsync(MostWait, clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the audit log can't be written, so nothing is decided; try again");
        }
    }

    /// <summary>For what must not wait for the audit log: a list of revoked certificates stands in the store by itself.</summary>
    public void Note(string action, string outcome, Caller by, string serial)
    {
        var record = RecordOf(action, outcome, "", by, serial, "", null);
        if (!queue.Writer.TryWrite(new Entry(record, null)))
            overflow.Enqueue(record);
    }

    /// <summary>Waits until everything written before this call is in the store.</summary>
    /// <returns>False: it is not, after <see cref="MostWait"/>.</returns>
    public async Task<bool> Flushed(CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await queue.Writer.WriteAsync(new Entry(null, done), cancel).AsTask().WaitAsync(MostWait, clock, cancel);
            await done.Task.WaitAsync(MostWait, clock, cancel);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or ChannelClosedException)
        {
            return false;
        }
    }

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
        if (await stream.TakeUp(cancellationToken) is { } gap)
        {
            Log.AuditGap(log, gap);
            var alarm = new Decision { Outcome = "alarm", Reason = Reason.AuditBroken.Code(), Sentence = gap };
            await Write("audit.gap", "error", "", Caller.Own("audit"), decision: alarm, cancel: cancellationToken);
        }
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
            while (overflow.TryDequeue(out var late))
                records.Add(late);
            var waiters = new List<TaskCompletionSource>();
            while (records.Count < BatchSize && queue.Reader.TryRead(out var entry))
            {
                if (entry.Record is not null)
                    records.Add(entry.Record);
                else
                    waiters.Add(entry.Waiter!);
            }
            if (records.Count == 0 || await Flush(records, stoppingToken))
                waiters.ForEach(w => w.TrySetResult());
        }
    }

    private async Task Linger(CancellationToken stopping)
    {
        if (queue.Reader.Count < BatchSize)
            await Task.Delay(FlushEvery, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> Flush(List<AuditRecord> records, CancellationToken stopping)
    {
        var writeId = ids.Unguessable();
        while (true)
        {
            try
            {
                if (await stream.Append(records, writeId))
                    return true;
                Log.AuditOvertaken(log, stream.Name, stream.Head.Sequence);
                await Task.Delay(FlushEvery, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (FaultException e)
            {
                Log.AuditWaits(log, records.Count, e.Message);
                if (stopping.IsCancellationRequested)
                    return false;
                await Task.Delay(RetryEvery, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
