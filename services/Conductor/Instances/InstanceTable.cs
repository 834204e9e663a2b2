using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Conductor.Workers;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>
/// Every instance, as last read from the store: a row each. <see cref="StateSweep"/> refreshes them; the registry's index is written
/// from here alone.
/// </summary>
internal sealed class InstanceTable(ObjectStore store, InstanceRecordsReader reader, InstanceRows rows, IndexWriter index,
    TimeProvider clock, ILogger<InstanceTable> log)
{
    private long changes;
    private readonly KeyedLock oneAtATime = new();
    private readonly TaskCompletionSource seenAll = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An instance's state or condition changed. Handlers must be quick and not throw.</summary>
    public event Action<Instance>? Changed;

    /// <summary>Ends once every instance was looked at since the start; before that <see cref="Rows"/> lacks some.</summary>
    public Task FirstLook => seenAll.Task;

    public bool SeenAll => seenAll.Task.IsCompleted;

    public InstanceRows Rows => rows;

    /// <summary>How many times an instance was found to be another than before.</summary>
    public long Changes => Interlocked.Read(ref changes);

    /// <summary>The last state, at most one sweep old; null: not seen yet.</summary>
    public Instance? Current(CertName name) => rows.Find(name)?.Instance();

    /// <summary>Reads the store, derives the state, notifies watchers, and writes the index (best effort).</summary>
    /// <param name="name">Whose.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="young">It is being launched (<see cref="InstanceRecordsReader.Read"/>).</param>
    /// <returns>Null: no such instance.</returns>
    public async Task<Instance?> Refold(CertName name, CancellationToken cancel, bool young = false)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        if (await reader.Read(name, cancel, young) is not { } records)
            return null;
        return await Take(records);
    }

    /// <summary>
    /// Takes what passes of an instance, as it is known now, without reading its records again; nothing where it is unknown.
    /// </summary>
    /// <param name="name">Whose.</param>
    /// <param name="change">What is known now; quick. The same: only what time changed.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Update(CertName name, Func<InstanceRecords, InstanceRecords> change, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        if (rows.Find(name) is { } row)
            await Take(change(row.Records()));
    }

    private async Task<Instance> Take(InstanceRecords records)
    {
        var before = rows.Find(records.Name);
        var row = new InstanceRow(records, clock.GetUtcNow());
        rows.Keep(row);
        var now = row.Shown(records);
        if (before?.ShowsTheSameAs(row) == true)
            return now;
        Interlocked.Increment(ref changes);
        // All of them at a start are written together.
        if (SeenAll)
            await index.Save(records.Name, now);
        if ((before is not null || SeenAll) && (before?.State != row.State || !before.ConditionsAreThoseOf(row)))
            Log.Moved(log, now.Certname, row.State, row.ConditionsText);
        Changed?.Invoke(now);
        return now;
    }

    /// <summary>Takes a snapshot's records where none are known yet; the sweep checks whether they are current.</summary>
    public void Adopt(InstanceRecords records)
    {
        if (rows.Find(records.Name) is not null)
            return;
        var row = new InstanceRow(records, clock.GetUtcNow());
        rows.Keep(row);
        Changed?.Invoke(row.Shown(records));
    }

    /// <summary>A snapshot has it, but the store no longer has such a launch.</summary>
    public void Drop(CertName name) => rows.Drop(name);

    /// <summary>Writes all of the registry's index where any of it is missing.</summary>
    public Task RepairIndex(bool whole) => index.Repair(rows, whole);

    public void MarkSeenAll() => seenAll.TrySetResult();

    /// <summary>Every name that was launched, from the store.</summary>
    public async Task<IReadOnlyList<CertName>> Names(CancellationToken cancel)
    {
        var names = new List<CertName>();
        await foreach (var key in store.List(ObjectKeys.Launches, null, cancel))
        {
            if (CertName.TryParse(key[ObjectKeys.Launches.Length..], out var name, out _))
                names.Add(name);
        }
        return names;
    }
}
