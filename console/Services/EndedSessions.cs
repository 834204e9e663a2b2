using System.Runtime.CompilerServices;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Overture.Conductor.V1;
using Overture.Console.Sessions;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Console.Services;

/// <summary>
/// Sessions that were signed out of, as the Conductor keeps them for all replicas and beyond a restart. While it does not answer, pages are
/// shown, and forms are taken of sessions that were seen to be open a short while ago.
/// </summary>
internal sealed class EndedSessions(SessionCookie sessions, ConsoleOptions options, TimeProvider clock)
{
    private const int Remembered = 2_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10), Patience = TimeSpan.FromSeconds(4);
    // What failed is not asked again for so long: each page would wait for it.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    // What people do when the Conductor is away, such as approving a request, needs it no more than this.
    private static readonly TimeSpan Trusted = TimeSpan.FromMinutes(5);
    // A link is spent by it, and who signs out wants to be sure.
    private static readonly TimeSpan ForAMark = TimeSpan.FromSeconds(15);

    // When each was seen to be open last. A console that is alone sees each later end itself; one of several asks again every 10 s.
    private readonly BoundedCache<string, StrongBox<DateTimeOffset>> seen = new(Remembered);
    private volatile Silence? silence;

    /// <returns>False: it was left. Null: that can't be asked now, which the trouble says.</returns>
    /// <exception cref="PageException">The services take the person no more.</exception>
    public async Task<(bool? IsOpen, Trouble? Trouble)> Ask(HttpContext http, Session session)
    {
        // 1. What was seen a moment ago; alone: at any time.
        var (now, last) = (clock.GetUtcNow(), LastSeen(session));
        if (last is { } at && (!options.IsReplicated || now - at < Fresh))
            return (true, null);
        // 2. The mark that all share.
        if (silence is not { } known || now >= known.Until)
        {
            var answer = await Mark(http, session, SessionMark.Unspecified);
            if (answer.Value is { } mark)
            {
                if (mark.Ended)
                    sessions.Forget(session);
                else
                    Saw(session, now);
                return (!mark.Ended, null);
            }
            if (answer.Trouble!.EndsSession)
                throw new PageException(answer.Trouble);
            known = new(clock.GetUtcNow() + Pause, answer.Trouble);
            if (answer.Trouble.Status is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
                silence = known;
        }
        // 3. It is not known now.
        return (now - last < Trusted ? true : null, known.Trouble);
    }

    /// <summary>For links that another replica may be asked for too.</summary>
    /// <returns>It is the first time.</returns>
    /// <exception cref="PageException">The Conductor does not answer.</exception>
    public static async Task<bool> Enter(HttpContext http, Session session) =>
        (await Mark(http, session, SessionMark.Entered)).Demand().First;

    /// <returns>Null: other replicas know. Else why they do not, and take its cookie until it ends.</returns>
    public static async Task<Trouble?> End(HttpContext http, Session session) => (await Mark(http, session, SessionMark.Ended)).Trouble;

    private DateTimeOffset? LastSeen(Session session) =>
        seen.TryGet(session.By.Nonce, out var at) ? at.Value : sessions.EnteredAt(session);

    private void Saw(Session session, DateTimeOffset now)
    {
        if (seen.TryGet(session.By.Nonce, out var at))
            at.Value = now;
        else
            seen.Add(session.By.Nonce, new(now));
    }

    private static Task<Answer<MarkSessionResponse>> Mark(HttpContext http, Session session, SessionMark mark) =>
        Calls.Of(http, session).Conductor((c, o) => c.MarkSessionAsync(new() { Mark = mark }, o),
            mark == SessionMark.Unspecified ? Patience : ForAMark);

    private sealed record Silence(DateTimeOffset Until, Trouble Trouble);
}
