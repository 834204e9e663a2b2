using Overture.Platform.Faults;
using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// "One of us at a time", by Redis: it saves replicas from doing the same work, and no more than that. Redis may lose or roll it back, so
/// work that must never run twice also uses a fencing number in the object store.
/// </summary>
public sealed class Lease(RegistryConnection registry, RegistryKeys keys, Ids ids)
{
    // By hand, each one step in Redis: the library's own are a transaction that says "another's" where its watch was answered late, and
    // DELEX where the server has it, which older servers refuse to name among a user's rights.
    private const string TakeOrHold = """
        if redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
        if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
        return 0
        """;
    private const string DeleteIfMine = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
    private readonly string me = ids.Unguessable();

    /// <summary>Takes it, or holds it longer.</summary>
    /// <param name="task">Which one, e.g. "reconcile".</param>
    /// <param name="life">It is free again after this long without a further call.</param>
    /// <returns>False: another process holds it.</returns>
    /// <exception cref="Faults.FaultException">The registry does not answer, or takes no writes.</exception>
    public async Task<bool> TryTake(string task, TimeSpan life) => (bool)await registry.Run(db => db.ScriptEvaluateAsync(
        TakeOrHold, [keys.Lease(task)], [me, (long)life.TotalMilliseconds], CommandFlags.DemandMaster));

    /// <summary>Frees it, where this process holds it.</summary>
    public Task Release(string task) => registry.Run(db => db.ScriptEvaluateAsync(
        DeleteIfMine, [keys.Lease(task)], [me], CommandFlags.DemandMaster));
}
