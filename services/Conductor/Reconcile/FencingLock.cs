using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Ensures that of two Conductors that both believe it is their turn, the earlier one stops: a number in the object store that each
/// raises before it begins, and looks at before each act.
/// </summary>
internal sealed class FencingLock(ObjectStore store, ConductorOptions options, Ids ids, TimeProvider clock)
{
    /// <summary>Begins; an earlier holder is stopped from here on.</summary>
    public async Task<Turn> Raise(string task, CancellationToken cancel)
    {
        var key = ObjectKeys.Fence(task);
        while (true)
        {
            var standing = await store.Get(key, cancel);
            var mine = new Records.V1.Fence
            {
                Schema = 1,
                WriteId = ids.Unguessable(),
                Number = NumberOf(key, standing) + 1,
                Holder = options.Replica,
                At = clock.NowMs().ToTimestamp(),
            };
            var outcome = standing is null
                ? await store.PutIfAbsent(key, mine, cancel)
                : await store.PutIfMatch(key, RecordJson.Write(mine), standing.ETag, cancel);
            if (outcome == PutOutcome.Stored)
                return new Turn(store, key, mine.WriteId);
        }
    }

    /// <summary>When a Conductor began last, by its own clock; null: never, or it can't be read.</summary>
    public async Task<DateTimeOffset?> LastRaised(string task, CancellationToken cancel)
    {
        try
        {
            return (await store.Get<Records.V1.Fence>(ObjectKeys.Fence(task), cancel))?.At?.ToDateTimeOffset();
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    // What stops the one before is the write id. A damaged fence is replaced, or no comparison would ever begin again.
    private ulong NumberOf(string key, StoredObject? standing)
    {
        try
        {
            return standing is null ? 0 : store.Read<Records.V1.Fence>(key, standing.Body).Number;
        }
        catch (UnreadableObjectException)
        {
            return 0;
        }
    }

    /// <summary>One's turn, until the next one's begins.</summary>
    internal sealed class Turn(ObjectStore store, string key, string writeId)
    {
        /// <exception cref="FaultException">Another Conductor began meanwhile.</exception>
        public async Task Check(CancellationToken cancel)
        {
            if (await store.Get<Records.V1.Fence>(key, cancel) is not { } standing || standing.WriteId != writeId)
                throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "another Conductor took over and does the rest");
        }
    }
}
