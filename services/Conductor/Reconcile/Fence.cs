using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Reconcile;

/// <summary>
/// Sees to it that of two Conductors that both believe it is their turn, the earlier one stops: a number in the object store that each
/// raises before it begins, and looks at before each act.
/// </summary>
internal sealed class Fence(ObjectStore store, ConductorOptions options, Ids ids, TimeProvider clock)
{
    /// <summary>Begins: from here on whoever began before is stopped.</summary>
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
                Number = (standing is null ? 0 : RecordJson.Read<Records.V1.Fence>(standing.Body).Number) + 1,
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

    /// <summary>One's turn, until the next one's begins.</summary>
    internal sealed class Turn(ObjectStore store, string key, string writeId)
    {
        /// <exception cref="FaultException">Somebody else began meanwhile.</exception>
        public async Task Check(CancellationToken cancel)
        {
            if (await store.Get<Records.V1.Fence>(key, cancel) is not { } standing || standing.WriteId != writeId)
                throw new FaultException(FaultKind.Unavailable, Reason.ShuttingDown, "another Conductor took over; what is left, it does");
        }
    }
}
