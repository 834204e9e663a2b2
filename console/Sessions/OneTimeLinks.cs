using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Overture.Console.Sessions;

/// <summary>Links of `overture ui`: each opens one session, once, within a minute.</summary>
public sealed class OneTimeLinks(RandomNumberGenerator random, TimeProvider clock)
{
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    private const int Most = 1_000, TokenLength = 32;
    private readonly ConcurrentDictionary<string, (Session Session, DateTimeOffset Until)> open = new(StringComparer.Ordinal);

    /// <returns>The token, 43 characters of base64url; null: too many are open.</returns>
    public string? Make(Session session)
    {
        var now = clock.GetUtcNow();
        foreach (var (old, _) in open.Where(l => l.Value.Until <= now))
            open.TryRemove(old, out _);
        if (open.Count >= Most)
            return null;
        var bytes = new byte[TokenLength];
        random.GetBytes(bytes);
        var token = Base64Url.EncodeToString(bytes);
        open[token] = (session, now + Life);
        return token;
    }

    /// <returns>Null: there is none, it was used, or its time is over.</returns>
    public Session? Use(string token) =>
        open.TryRemove(token, out var found) && clock.GetUtcNow() < found.Until ? found.Session : null;
}
