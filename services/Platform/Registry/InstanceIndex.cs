using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>An instance as it is in the index.</summary>
/// <param name="Json">As users see it.</param>
/// <param name="LaunchedAt">Its place.</param>
public sealed record IndexEntry(CertName Name, string Json, DateTimeOffset LaunchedAt);

/// <summary>The registry's list of instances: one JSON text each, and their order by launch time. Written by the Conductor alone.</summary>
public sealed class InstanceIndex(RegistryConnection registry, RegistryKeys keys)
{
    public async Task Save(IReadOnlyCollection<IndexEntry> some)
    {
        var texts = some.Select(e => new KeyValuePair<RedisKey, RedisValue>(keys.Instance(e.Name), e.Json)).ToArray();
        await registry.Run(db => db.StringSetAsync(texts));
        var places = some.Select(e => new SortedSetEntry(e.Name.ToString(), e.LaunchedAt.ToUnixTimeMilliseconds())).ToArray();
        await registry.Run(db => db.SortedSetAddAsync(keys.Instances, places));
    }

    public async Task<string?> Find(CertName name) => await registry.Run(db => db.StringGetAsync(keys.Instance(name)));

    /// <summary>
    /// Newest first, at most <paramref name="count"/>, launched before (score, then name) the given one; null: from the newest.
    /// </summary>
    public async Task<IReadOnlyList<(string Certname, long LaunchedMs)>> Page((string Certname, long LaunchedMs)? after, int count)
    {
        var found = new List<(string, long)>();
        var top = after?.LaunchedMs ?? double.PositiveInfinity;
        for (long skip = 0; found.Count < count; skip += count)
        {
            var slice = await registry.Run(db => db.SortedSetRangeByScoreWithScoresAsync(
                keys.Instances, double.NegativeInfinity, top, Exclude.None, Order.Descending, skip, count));
            found.AddRange(slice
                .Select(e => ((string)e.Element!, (long)e.Score))
                .Where(e => after is null || e.Item2 < after.Value.LaunchedMs || string.CompareOrdinal(e.Item1, after.Value.Certname) < 0));
            if (slice.Length < count)
                break;
        }
        return found.Take(count).ToList();
    }

    /// <summary>How many instances the index holds. Fewer than there are launches: Redis was emptied or rolled back.</summary>
    public Task<long> Count() => registry.Run(db => db.SortedSetLengthAsync(keys.Instances));
}
