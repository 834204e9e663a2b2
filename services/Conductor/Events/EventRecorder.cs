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
        TrimEvery = TimeSpan.FromHours(1);

    private static readonly Counter<long> Recorded =
        new Meter(FlowTelemetry.SourceName).CreateCounter<long>(FlowTelemetry.EventsRecorded, "{event}", "events that were recorded");

    private readonly EventLog events;
    private readonly EventTurn turn;
    private readonly InstanceTable table;
    private readonly ConductorOptions options;
    private readonly ILogger<EventRecorder> log;
    private readonly DateTimeOffset started;
    private readonly ConcurrentDictionary<CertName, bool> changed = new();
    // By the log; null: it is to be read (again).
    private Dictionary<CertName, RecordedState>? recorded;
    private ulong next;
    private int sinceCheckpoint;
    private long comparedAll, trimmed;
    private long? failedAt;

    public EventRecorder(EventLog events, EventTurn turn, InstanceTable table, ConductorOptions options, TimeProvider clock,
        ILogger<EventRecorder> log) : base(Period, clock)
    {
        (this.events, this.turn, this.table, this.options, this.log) = (events, turn, table, options, log);
        started = clock.GetUtcNow();
        trimmed = clock.GetTimestamp();
        table.Changed += Note;
    }

    protected override bool IsExpected(Exception e) => FaultException.Of(e) is not null || e is InvalidDataException;

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
            return;
        }
        if (failedAt is { } failed && Clock.GetElapsedTime(failed) < AfterFailure)
            return;
        // 1. what the log says
        var whole = recorded is null || Clock.GetElapsedTime(comparedAll) >= AllAgain;
        if (recorded is null && !await Load(cancel))
            return;
        // 2. who may differ from it
        IReadOnlyList<CertName> names = [.. changed.Keys.Where(n => changed.TryRemove(n, out _))];
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
        failedAt = null;
        // 4. what the next start need not read, and what is too old
        if (sinceCheckpoint >= BatchesACheckpoint)
            await Checkpoint(cancel);
        if (Clock.GetElapsedTime(trimmed) >= TrimEvery)
        {
            trimmed = Clock.GetTimestamp();
            await events.Trim(options.Events.Keep, cancel);
        }
    }

    private async Task<bool> Load(CancellationToken cancel)
    {
        if (await events.Checkpoint(cancel) is not { } checkpoint)
        {
            // The fleet as it was before events were recorded has none; what was launched since has all.
            checkpoint = new EventCheckpoint { Next = 1 };
            checkpoint.Instances.Add(table.Rows.All.Where(r => r.Place.LaunchedMs < started.ToUnixTimeMilliseconds())
                .Select(r => RecordedState.Of(r.Instance()).Stored(r.Name)));
            if (await events.Keep(checkpoint, cancel) == PutOutcome.Conflict)
                return false;
        }
        var read = new Dictionary<CertName, RecordedState>();
        foreach (var stored in checkpoint.Instances)
            read[CertName.Parse(stored.Certname)] = RecordedState.Of(stored);
        (next, sinceCheckpoint) = (checkpoint.Next, 0);
        for (; await events.Read(next, cancel) is { } batch; next = batch.Next, sinceCheckpoint++)
            Apply(read, batch.From(next).Select(e => e.Event));
        recorded = read;
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
            if (table.Rows.Find(name)?.Instance() is not { } now)
                continue;
            found.AddRange(recorded!.GetValueOrDefault(name, RecordedState.Nothing).Until(now, Clock.GetUtcNow()));
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

    private async Task Checkpoint(CancellationToken cancel)
    {
        await events.Keep(new EventCheckpoint { Next = next, Instances = { recorded!.Select(r => r.Value.Stored(r.Key)) } }, cancel);
        sinceCheckpoint = 0;
    }

    private void Note(Instance instance) => changed[CertName.Parse(instance.Certname)] = true;
}
