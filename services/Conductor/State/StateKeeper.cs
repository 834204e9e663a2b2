using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.State;

/// <summary>
/// The state of every instance, as last folded from the store. <see cref="StateSweep"/> has it folded anew; the registry's index is written
/// from here alone.
/// </summary>
internal sealed class StateKeeper(ObjectStore store, EvidenceReader reader, IndexWriter index, TimeProvider clock, ILogger<StateKeeper> log)
{
    private long changes;
    private readonly PerName oneAtATime = new();
    private readonly TaskCompletionSource seenAll = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An instance has another state or trouble than before. Handlers must be quick and not throw.</summary>
    public event Action<Instance>? Changed;

    /// <summary>Ends once every instance was looked at since the start; before that <see cref="All"/> lacks some.</summary>
    public Task FirstLook => seenAll.Task;

    public bool SeenAll => seenAll.Task.IsCompleted;

    public InstanceMemory Memory { get; } = new();

    public int Count => Memory.Count;

    /// <summary>How many times an instance was found to be another than before.</summary>
    public long Changes => Interlocked.Read(ref changes);

    /// <summary>The last fold, at most one sweep old; null: not seen yet. A message that nobody may change.</summary>
    public Instance? Current(CertName name) => Memory.Find(name);

    public IReadOnlyCollection<Instance> All => Memory.All;

    /// <summary>Reads the store, folds, tells whoever watches, and writes the index (best effort).</summary>
    /// <param name="name">Whose.</param>
    /// <param name="cancel">Gives up.</param>
    /// <param name="young">It is being launched (<see cref="EvidenceReader.Read"/>).</param>
    /// <returns>Null: no such instance.</returns>
    public async Task<Instance?> Refold(CertName name, CancellationToken cancel, bool young = false)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        if (await reader.Read(name, cancel, young) is not { } evidence)
            return null;
        var before = Memory.Find(name);
        var now = InstanceFold.From(evidence, clock.GetUtcNow());
        if (now.Equals(before))
            return before;
        Memory.Keep(name, now);
        Interlocked.Increment(ref changes);
        // All of them at a start are written together.
        if (SeenAll)
            await index.Save(name, now);
        if ((before is not null || SeenAll) && (before?.State != now.State || before.Trouble != now.Trouble))
            Log.Moved(log, now.Certname, now.State, now.Trouble);
        Changed?.Invoke(now);
        return now;
    }

    /// <summary>Takes what a snapshot knows, where nothing is known yet; whether it still holds is the sweep's to see.</summary>
    public void Adopt(Evidence evidence)
    {
        reader.Remember(evidence);
        if (Memory.Find(evidence.Name) is not null)
            return;
        var instance = InstanceFold.From(evidence, clock.GetUtcNow());
        Memory.Keep(evidence.Name, instance);
        Changed?.Invoke(instance);
    }

    /// <summary>Writes what the registry's index lacks, all of it where it lacks any.</summary>
    public Task MendIndex(bool whole) => index.Mend(Memory, whole);

    public void TellSeenAll() => seenAll.TrySetResult();

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
