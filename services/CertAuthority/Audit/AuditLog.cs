using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// Every decision, revocation and CRL, one record each, in signed batches (audit/certauthority/&lt;replica&gt;/&lt;sequence&gt;). A record
/// is durable within about half a second; what was signed is in its claim before that. When the store does not take batches, decisions
/// wait.
/// </summary>
internal sealed class AuditLog(AuditStream stream, Ids ids, TimeProvider clock, ILogger<AuditLog> log) : BackgroundService
{
    public const string Service = "certauthority";
    /// <summary>Records that wait for the store; where no more fit, decisions wait.</summary>
    public const int MaxWaiting = 20_000;
    private const int BatchSize = 500;
    private static readonly TimeSpan FlushEvery = TimeSpan.FromMilliseconds(500), RetryEvery = TimeSpan.FromSeconds(1),
        MaxWait = TimeSpan.FromSeconds(3);
    // At most a list a second comes here, and only while the queue is full.
    private readonly ConcurrentQueue<AuditRecord> overflow = [];
    private readonly Channel<Entry> queue = Channel.CreateBounded<Entry>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });

    // A record; or, without one, a caller who waits until all before it is in the store.
    private readonly record struct Entry(AuditRecord? Record, TaskCompletionSource? Waiter);

    /// <inheritdoc cref="AuditAction.Record"/>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: the store has taken no batch for so long that no record fits any
    /// more.</exception>
    public ValueTask Write(AuditAction action, string certname, Caller by, string serial = "", string spki = "",
        Decision? decision = null, CancellationToken cancel = default) =>
        Write(action.Record(certname, by, serial, spki, decision), cancel);

    /// <param name="record">Id, time and trace are set here.</param>
    /// <param name="cancel">Gives up waiting for room; what has none is not written.</param>
    /// <exception cref="FaultException">As above.</exception>
    public async ValueTask Write(AuditRecord record, CancellationToken cancel)
    {
        var entry = new Entry(Stamped(record), null);
        if (queue.Writer.TryWrite(entry))
            return;
        // The wait for room itself ends, or the record would come in later although its writer was answered that it does not.
        using var most = new CancellationTokenSource(MaxWait, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel, most.Token);
        try
        {
            await queue.Writer.WriteAsync(entry, limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new FaultException(
                FaultKind.Unavailable, Reason.StoreUnavailable, "the audit log can't be written, so nothing is decided; try again");
        }
    }

    /// <summary>For what must not wait for the audit log: a CRL is in the store by itself.</summary>
    public void Note(AuditRecord record)
    {
        if (!queue.Writer.TryWrite(new Entry(Stamped(record), null)))
            overflow.Enqueue(record);
    }

    /// <summary>Waits until everything written before this call is in the store.</summary>
    /// <returns>False: it is not, after <see cref="MaxWait"/>.</returns>
    public async Task<bool> Flushed(CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await queue.Writer.WriteAsync(new Entry(null, done), cancel).AsTask().WaitAsync(MaxWait, clock, cancel);
            await done.Task.WaitAsync(MaxWait, clock, cancel);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or ChannelClosedException)
        {
            return false;
        }
    }

    /// <summary>The same, for an act that must not be done unrecorded.</summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: it is not, after <see cref="MaxWait"/>.</exception>
    public async Task Ensure(CancellationToken cancel)
    {
        if (!await Flushed(cancel))
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the audit log can't be written; it is tried again");
    }

    private AuditRecord Stamped(AuditRecord record)
    {
        record.Id = ids.Ordered();
        record.At = clock.GetUtcNow().ToTimestamp();
        record.TraceId = Activity.Current?.TraceId.ToString() ?? "";
        return record;
    }

    /// <summary>Takes up the chain where the last run of this replica left it.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (await stream.TakeUp(cancellationToken) is { } gap)
        {
            Log.AuditGap(log, gap);
            var alarm = DecisionOutcome.Alarm.Because(Reason.AuditBroken, gap);
            await Write(AuditAction.AuditGap, "", Caller.Own("audit"), decision: alarm, cancel: cancellationToken);
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
