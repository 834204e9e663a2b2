using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// "One of us at a time", by Redis: it saves replicas from doing the same work, and no more than that. Redis may lose or roll it back, so
/// whoever must not be doubled also asks a fence in the object store.
/// </summary>
public sealed class Lease(RegistryConnection registry, RegistryKeys keys, Ids ids)
{
    private const string Take =
        """
        local holder = redis.call('get', KEYS[1])
        if holder and holder ~= ARGV[1] then return 0 end
        redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
        return 1
        """;

    private const string GiveBack = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";

    private readonly string me = ids.Unguessable();

    /// <summary>Takes it, or holds it longer.</summary>
    /// <param name="task">Which one, e.g. "reconcile".</param>
    /// <param name="life">It is free again after this long without a further call.</param>
    /// <returns>False: another process holds it.</returns>
    /// <exception cref="Faults.FaultException">The registry does not answer.</exception>
    public async Task<bool> TryTake(string task, TimeSpan life) =>
        (int)await registry.Run(db => db.ScriptEvaluateAsync(Take, [keys.Lease(task)], [me, (long)life.TotalMilliseconds])) == 1;

    /// <summary>Frees it, where this process holds it.</summary>
    public Task Release(string task) => registry.Run(db => db.ScriptEvaluateAsync(GiveBack, [(RedisKey)keys.Lease(task)], [(RedisValue)me]));
}
