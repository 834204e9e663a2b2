using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Overture.Conductor.V1;
using Overture.Console.Sessions;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Console.Services;

/// <summary>
/// Sessions that were signed out of, as the Conductor keeps them for all replicas and beyond a restart. While it does not answer, pages are
/// shown and nothing is done by forms.
/// </summary>
internal sealed class EndedSessions(SessionCookie sessions, ConsoleOptions options, TimeProvider clock)
{
    private const int Remembered = 2_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10), Patience = TimeSpan.FromSeconds(4);
    // A link is spent by it, and who signs out wants to be sure.
    private static readonly TimeSpan ForAMark = TimeSpan.FromSeconds(15);

    // Seen to be open. A console that is alone sees each later end itself; one of several asks again every 10 s.
    private readonly BoundedCache<(string Nonce, long Turn), bool> seen = new(Remembered);

    /// <returns>False: it was left. Null: that can't be asked now.</returns>
    public async Task<bool?> IsOpen(HttpContext http, Session session)
    {
        var now = (session.By.Nonce, options.IsReplicated ? clock.GetUtcNow().Ticks / Fresh.Ticks : 0);
        if (seen.TryGet(now, out _))
            return true;
        var answer = await Mark(http, session, SessionMark.Unspecified);
        if (answer.Value is not { } known)
            return null;
        if (known.Ended)
            sessions.Forget(session);
        else
            seen.Add(now, true);
        return !known.Ended;
    }

    /// <summary>For links that another replica may be asked for too.</summary>
    /// <returns>It is the first time.</returns>
    /// <exception cref="PageException">The Conductor does not answer.</exception>
    public static async Task<bool> Enter(HttpContext http, Session session) =>
        (await Mark(http, session, SessionMark.Entered)).Demand().First;

    /// <returns>Null: other replicas know. Else why they do not, and take its cookie until it ends.</returns>
    public static async Task<Trouble?> End(HttpContext http, Session session) => (await Mark(http, session, SessionMark.Ended)).Trouble;

    private static Task<Answer<MarkSessionResponse>> Mark(HttpContext http, Session session, SessionMark mark) =>
        Calls.Of(http, session).Conductor((c, o) => c.MarkSessionAsync(new() { Mark = mark }, o),
            mark == SessionMark.Unspecified ? Patience : ForAMark);
}
