using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>
/// snapshots/conductor/: what was read of all instances, so that a start reads only what is newer. Chunks first, then the object that makes
/// them a snapshot, sealed; the one before the last is kept for readers that have not finished.
/// </summary>
internal sealed class SnapshotStore(ObjectStore store, LaunchKeys keys, Lease lease, Ids ids, TimeProvider clock)
{
    private const int PerChunk = 5000;
    private const string Task = "snapshot", Whole = "whole";
    private static readonly TimeSpan LeaseLife = TimeSpan.FromMinutes(10);

    /// <returns>False: another Conductor is taking one.</returns>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<bool> Save(IEnumerable<InstanceEvidence> instances, CancellationToken cancel)
    {
        if (!await IsOurTurn())
            return false;
        // 1. the chunks
        var id = ids.Ordered();
        var snapshot = new InstanceSnapshot { Schema = 1, WriteId = ids.Unguessable(), At = clock.NowMs().ToTimestamp() };
        foreach (var some in instances.Chunk(PerChunk))
        {
            var body = PackedRecord.Write(new InstanceChunk { Instances = { some } });
            await store.PutIfAbsent(ObjectKeys.InstanceChunk(id, snapshot.ChunkSha256.Count), body, cancel);
            snapshot.ChunkSha256.Add(Convert.ToHexStringLower(SHA256.HashData(body)));
            snapshot.Instances += (uint)some.Length;
        }
        // 2. that they are all there
        snapshot.Seal = ByteString.CopyFrom(SealOf(snapshot));
        await store.PutIfAbsent(ObjectKeys.InstanceSnapshot(id), snapshot, cancel);
        // 3. what it replaces
        var found = await Keys(cancel);
        var before = found.Where(IsWhole).Select(IdOf).Where(i => string.CompareOrdinal(i, id) < 0).Max(StringComparer.Ordinal);
        foreach (var old in found.Where(k => string.CompareOrdinal(IdOf(k), before) < 0).OrderByDescending(IsWhole))
            await store.Delete(old, cancel);
        await Release();
        return true;
    }

    // Without the registry each Conductor takes its own: the last one that is whole counts, and two do each other no harm.
    private async Task<bool> IsOurTurn()
    {
        try
        {
            return await lease.TryTake(Task, LeaseLife);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            return true;
        }
    }

    private async Task Release()
    {
        try
        {
            await lease.Release(Task);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // It expires by itself.
        }
    }

    /// <summary>Of the last snapshot, chunk by chunk; nothing where there is none.</summary>
    /// <exception cref="InvalidDataException">It does not match what was written, or no Conductor with our token key wrote it.</exception>
    public async IAsyncEnumerable<InstanceRecords> Latest([EnumeratorCancellation] CancellationToken cancel)
    {
        if ((await Keys(cancel)).LastOrDefault(IsWhole) is not { } key
            || await store.Get<InstanceSnapshot>(key, cancel) is not { } snapshot)
        {
            yield break;
        }

        if (!CryptographicOperations.FixedTimeEquals(SealOf(snapshot), snapshot.Seal.Span))
            throw new InvalidDataException($"{key} has no seal of this deployment's token key");
        for (var i = 0; i < snapshot.ChunkSha256.Count; i++)
        {
            var chunk = ObjectKeys.InstanceChunk(IdOf(key), i);
            var body = (await store.Get(chunk, cancel))?.Body;
            if (body is null || Convert.ToHexStringLower(SHA256.HashData(body)) != snapshot.ChunkSha256[i])
                throw new InvalidDataException($"{chunk} does not match what was written");
            foreach (var record in PackedRecord.Read(chunk, body, InstanceChunk.Parser).Instances)
                yield return InstanceRecords.From(record);
        }
    }

    private async Task<List<string>> Keys(CancellationToken cancel)
    {
        var keys = new List<string>();
        await foreach (var key in store.List(ObjectKeys.InstanceSnapshots, null, cancel))
            keys.Add(key);
        return keys;
    }

    private static string IdOf(string key) => key[ObjectKeys.InstanceSnapshots.Length..].Split('/')[0];

    private static bool IsWhole(string key) => key.EndsWith("/" + Whole, StringComparison.Ordinal);

    private byte[] SealOf(InstanceSnapshot snapshot) => keys.Seal("overture-snapshot-1", string.Join('\n', snapshot.ChunkSha256));
}
