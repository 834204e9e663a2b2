using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// Which sessions with the console were entered and which were left, for all of its replicas. Written by the Conductor alone. A registry
/// that lost it lets a session be entered once more within its link's minute, and one that was left live on until its end.
/// </summary>
public sealed class ConsoleSessions(RegistryConnection registry, RegistryKeys keys, TimeProvider clock)
{
    private const string Entered = "entered", Ended = "ended";

    /// <returns>It is the first time, of all that ask.</returns>
    public Task<bool> Enter(string nonce, DateTimeOffset until) => Set(nonce, Entered, until, When.NotExists);

    public Task End(string nonce, DateTimeOffset until) => Set(nonce, Ended, until, When.Always);

    public async Task<bool> IsEnded(string nonce) =>
        await registry.Run(db => db.StringGetAsync(keys.ConsoleSession(nonce))) == Ended;

    private Task<bool> Set(string nonce, string state, DateTimeOffset until, When when)
    {
        var left = until - clock.GetUtcNow();
        return registry.Run(db => db.StringSetAsync(keys.ConsoleSession(nonce), state,
            left > TimeSpan.FromSeconds(1) ? left : TimeSpan.FromSeconds(1), when));
    }
}
