using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>
/// Records what became of instances: compares each that changed with what the log says of it, and writes the difference. What it missed
/// while it did not run, or while the store was away, is in the difference too, for as long as it still is so.
/// </summary>
internal sealed class EventRecorder : PeriodicWorker
{
    private const int BatchesACheckpoint = 500;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500),
        AllAgain = TimeSpan.FromHours(1), AfterFailure = TimeSpan.FromSeconds(5),
        // Longer than any Conductor takes to see an instance that began and ended meanwhile.
        KeptAfterEnd = TimeSpan.FromDays(1);

    private static readonly Counter<long> Recorded =
        new Meter(FlowTelemetry.SourceName).CreateCounter<long>(FlowTelemetry.EventsRecorded, "{event}", "events that were recorded");

    private readonly EventLog events;
    private readonly EventCheckpoints checkpoints;
    private readonly FirstLooks looks;
    private readonly EventTurn turn;
    private readonly InstanceTable table;
    private readonly ILogger<EventRecorder> log;
    private readonly DateTimeOffset started;
    private readonly ConcurrentDictionary<CertName, bool> changed = new();
    // Whose conditions are perhaps over: looked at again each turn.
    private readonly HashSet<CertName> unsure = [];
    // By the log; null: it is to be read (again).
    private Dictionary<CertName, RecordedState>? recorded;
    // Of instances that ended before then all is in the log, where nothing is known of them.
    private DateTimeOffset endedBefore;
    // When the last of the log was written as it was read, and when that was.
    private DateTimeOffset newest;
    private long loadedAt;
    private ulong next;
    private int sinceCheckpoint;
    private long comparedAll, levelAt;
    private long? failedAt;

    public EventRecorder(EventLog events, EventCheckpoints checkpoints, EventTurn turn, InstanceTable table, FirstLooks looks,
        TimeProvider clock, ILogger<EventRecorder> log) : base(Period, clock)
    {
        (this.events, this.checkpoints, this.turn, this.table, this.looks, this.log) = (events, checkpoints, turn, table, looks, log);
        started = clock.GetUtcNow();
        levelAt = clock.GetTimestamp();
        table.Changed += Note;
    }

    /// <summary>Of how many instances it is known what the log says.</summary>
    public int Known => recorded?.Count ?? 0;

    /// <summary>For how long not all that happened was recorded; null: another Conductor records.</summary>
    public TimeSpan? Behind => turn.IsOurs ? Clock.GetElapsedTime(Volatile.Read(ref levelAt)) : null;

    protected override void Failed(Exception e)
    {
        // Whether the write was done is not known: the log says.
        recorded = null;
        if (failedAt is null)
            Log.EventsNotRecorded(log, e.Message);
        failedAt = Clock.GetTimestamp();
    }

    protected override async Task Turn(CancellationToken cancel)
    {
        if (!turn.IsOurs || !table.SeenAll)
        {
            recorded = null;
            if (!turn.IsOurs)
                Volatile.Write(ref levelAt, Clock.GetTimestamp());
            return;
        }
        if (failedAt is { } failed && Clock.GetElapsedTime(failed) < AfterFailure)
            return;
        // 1. what the log says
        var whole = recorded is null || Clock.GetElapsedTime(comparedAll) >= AllAgain;
        if (recorded is null && !await Load(cancel))
            return;
        // 2. who may differ from it
        IReadOnlyList<CertName> names = [.. changed.Keys.Where(n => changed.TryRemove(n, out _)).Union(unsure)];
        if (whole)
        {
            names = [.. table.Rows.All.Select(r => r.Name)];
            comparedAll = Clock.GetTimestamp();
        }
        // 3. what did, written down
        if (!await Record(names, cancel))
        {
            recorded = null;
            return;
        }
        if (whole)
            Forget();
        failedAt = null;
        Volatile.Write(ref levelAt, Clock.GetTimestamp());
        // 4. what the next start need not read
        if (sinceCheckpoint >= BatchesACheckpoint)
            await Checkpoint(cancel);
    }

    private async Task<bool> Load(CancellationToken cancel)
    {
        if (await checkpoints.Last(cancel) is not { } checkpoint)
        {
            // The fleet as it was before events were recorded has none; what was launched since has all. The next turn reads it back.
            await checkpoints.Keep(1, table.Rows.All.Where(r => r.Place.LaunchedMs < started.ToUnixTimeMilliseconds())
                .Select(r => RecordedState.Of(r.Instance()).Stored(r.Name)), DateTimeOffset.UnixEpoch, cancel);
            return false;
        }
        var read = new Dictionary<CertName, RecordedState>();
        foreach (var stored in checkpoint.Instances)
            read[CertName.Parse(stored.Certname)] = RecordedState.Of(stored);
        (next, sinceCheckpoint, endedBefore) = (checkpoint.Next, 0, checkpoint.EndedBefore.Maybe() ?? DateTimeOffset.UnixEpoch);
        newest = checkpoint.At.Maybe() ?? DateTimeOffset.UnixEpoch;
        while (true)
        {
            if (await events.Read(next, cancel) is { } batch)
            {
                Apply(read, batch.From(next).Select(e => e.Event));
                (next, newest, sinceCheckpoint) = (batch.Next, batch.At, sinceCheckpoint + 1);
            }
            else if (await events.Behind(next, cancel) is { } later)
            {
                Log.EventsGap(log, next, later - 1);
                next = later;
            }
            else
            {
                break;
            }
        }
        unsure.Clear();
        (recorded, loadedAt) = (read, Clock.GetTimestamp());
        return true;
    }

    private static void Apply(Dictionary<CertName, RecordedState> states, IEnumerable<Event> logged)
    {
        foreach (var one in logged)
        {
            if (CertName.TryParse(one.Certname, out var name, out _))
                states[name] = states.GetValueOrDefault(name, RecordedState.Nothing).After(one);
        }
    }

    /// <returns>False: another Conductor writes.</returns>
    private async Task<bool> Record(IReadOnlyList<CertName> names, CancellationToken cancel)
    {
        var found = new List<Event>();
        foreach (var name in names)
        {
            unsure.Remove(name);
            if (table.Rows.Find(name) is not { } row || (row.Ended < endedBefore && !recorded!.ContainsKey(name)))
                continue;
            var (now, before) = (row.Instance(), recorded!.GetValueOrDefault(name, RecordedState.Nothing));
            if (before.IsUnsure(now))
                unsure.Add(name);
            found.AddRange(before.Until(now, c => looks.KnowsOver(c, row) && table.Rows.Find(name) == row, Clock.GetUtcNow()));
            if (found.Count >= EventLog.MostInBatch / 2 && !await Write(found, cancel))
                return false;
        }
        return await Write(found, cancel);
    }

    private async Task<bool> Write(List<Event> found, CancellationToken cancel)
    {
        foreach (var some in found.Chunk(EventLog.MostInBatch))
        {
            if (await events.Append(next, some, cancel) is not { } logged)
                return false;
            Apply(recorded!, some);
            foreach (var kind in some.CountBy(e => e.Type.Split('.')[1]))
                Recorded.Add(kind.Value, new KeyValuePair<string, object?>("kind", kind.Key));
            next = logged.Next;
            sinceCheckpoint++;
        }
        found.Clear();
        return true;
    }

    // Nothing more becomes of them. After a comparison of all: what is not known then was recorded, unless it began and ended unseen since.
    private void Forget()
    {
        var before = ForgottenBefore(Clock.GetUtcNow(), newest, Clock.GetElapsedTime(loadedAt));
        if (before <= endedBefore)
            return;
        foreach (var row in table.Rows.All.Where(r => r.Ended < before && !r.Unrevoked))
        {
            if (recorded!.TryGetValue(row.Name, out var known) && known.IsOver)
                recorded.Remove(row.Name);
        }
        endedBefore = before;
    }

    /// <summary>
    /// The end of an instance before which it is forgotten. A clock that was set ahead must not stay in a checkpoint: it counts as far as
    /// the log and the time that went by since it was read bear it out; what was written meanwhile has the clock's own time.
    /// </summary>
    /// <param name="now">By the clock, which may be set.</param>
    /// <param name="lastOfLog">When the last of the log was written, as it was read.</param>
    /// <param name="sinceRead">By the monotonic clock.</param>
    internal static DateTimeOffset ForgottenBefore(DateTimeOffset now, DateTimeOffset lastOfLog, TimeSpan sinceRead) =>
        (now < lastOfLog + sinceRead ? now : lastOfLog + sinceRead) - KeptAfterEnd;

    private async Task Checkpoint(CancellationToken cancel)
    {
        await checkpoints.Keep(next, recorded!.Select(r => r.Value.Stored(r.Key)), endedBefore, cancel);
        sinceCheckpoint = 0;
    }

    private void Note(Instance instance) => changed[CertName.Parse(instance.Certname)] = true;
}
