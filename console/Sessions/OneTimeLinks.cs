using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace Overture.Console.Sessions;

/// <summary>
/// Links of `overture ui`: each opens one session, once, within a minute. A console that is alone keeps them, and they are short. One of
/// several seals the session into the link, since another may be asked for it; that it was used is recorded where all see it.
/// </summary>
public sealed class OneTimeLinks(RandomNumberGenerator random, TimeProvider clock, IDataProtectionProvider protection,
    ConsoleOptions options, SessionCookie sessions)
{
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(60);

    private const int Most = 1_000, TokenLength = 32, LongestSealed = 4_096;
    private readonly ConcurrentDictionary<string, (Session Session, DateTimeOffset Until)> open = new(StringComparer.Ordinal);
    private readonly IDataProtector seal = protection.CreateProtector("link-1");

    /// <returns>The token, of base64url; null: too many are open.</returns>
    public string? Make(Session session)
    {
        ArgumentNullException.ThrowIfNull(session);
        var now = clock.GetUtcNow();
        if (options.IsReplicated)
        {
            byte[] text = [.. BitConverter.GetBytes((now + Life).ToUnixTimeMilliseconds()), .. session.Delegation];
            return Base64Url.EncodeToString(seal.Protect(text));
        }
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

    /// <summary>Whose it is; it stays as it is.</summary>
    /// <returns>As <see cref="Use"/>.</returns>
    public async ValueTask<Session?> Look(string token, CancellationToken cancel) => options.IsReplicated ? await Unsealed(token, cancel)
        : open.TryGetValue(token, out var found) && clock.GetUtcNow() < found.Until ? found.Session : null;

    /// <param name="token">Of a link.</param>
    /// <param name="record">Records that a session was entered; true: for the first time.</param>
    /// <param name="cancel">Of the request.</param>
    /// <returns>Null: there is none, it was used, or its time is over.</returns>
    public async Task<Session?> Use(string token, Func<Session, Task<bool>> record, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(record);
        if (!options.IsReplicated)
            return open.TryRemove(token, out var found) && clock.GetUtcNow() < found.Until ? found.Session : null;
        return await Unsealed(token, cancel) is { } session && await record(session) ? session : null;
    }

    private async Task<Session?> Unsealed(string token, CancellationToken cancel)
    {
        try
        {
            if (token.Length > LongestSealed)
                return null;
            var text = seal.Unprotect(Base64Url.DecodeFromChars(token));
            return clock.GetUtcNow().ToUnixTimeMilliseconds() < BitConverter.ToInt64(text)
                ? await sessions.Open(text[sizeof(long)..], cancel) : null;
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            return null;
        }
    }
}
