using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Overture.Platform.Faults;

namespace Overture.Platform.Connections;

/// <summary>
/// From when to when a client certificate is good. The handshake asks once, a connection may live for days: so each request is asked again,
/// and a stream ends with the certificate that opened it, by its term or by its revocation.
/// </summary>
public static class CertificateTerm
{
    // A timer's delay has an end.
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(20);

    /// <returns>Null: it is good now. Else the <see cref="ConnectionCause"/>, and a sentence.</returns>
    public static (string Cause, string Sentence)? Problem(X509Certificate2 certificate, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var (serial, from, until) = (
            certificate.SerialNumber, certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        if (now > certificate.NotAfter)
        {
            return (ConnectionCause.Expired, Sentence(
                $"the client certificate (serial {serial}) was valid until {until:s}Z, and it is {now:s}Z here: renew it, or check both clocks"));
        }
        return now < certificate.NotBefore
            ? (ConnectionCause.NotYetValid,
                Sentence($"the client certificate (serial {serial}) is valid from {from:s}Z, and it is {now:s}Z here: check both clocks"))
            : null;
    }

    /// <summary>The error that a gRPC caller gets.</summary>
    public static FaultException Fault(string sentence) => new(FaultKind.Denied, Reason.CertificateNotValid, sentence);

    /// <summary>The certificate that opened this request's stream has come to its end: the error; else null.</summary>
    internal static FaultException? Ended(HttpContext http) => http.Features.Get<Term>()?.Over;

    /// <summary>The stream also ends where this does.</summary>
    /// <param name="http">Of the call; one that is no stream has no term.</param>
    /// <param name="until">Looked at then at the latest.</param>
    /// <param name="problem">The error, once it is over; quick, called under a lock.</param>
    /// <param name="every">How often it is looked at before that; null: only when a certificate is revoked.</param>
    internal static void Also(HttpContext http, DateTimeOffset until, Func<FaultException?> problem, TimeSpan? every = null) =>
        http.Features.Get<Term>()?.Also(until, problem, every);

    /// <summary>Around every request. gRPC's are refused by their interceptor, with a status of their own.</summary>
    public static void UseCertificateTerm(this WebApplication app)
    {
        var (clock, log, revoked) = (app.Services.GetRequiredService<TimeProvider>(), app.Services.GetRequiredService<ConnectionLog>(),
            app.Services.GetRequiredService<RevokedPeers>());
        app.Use(async (context, next) =>
        {
            if (context.Connection.ClientCertificate is not { } certificate)
                await next(context);
            else if (context.Features.Get<ListenerName>()?.Value == Listeners.Grpc)
                await (IsStream(context) ? Until(certificate, clock, revoked, context, next) : next(context));
            else if (Problem(certificate, clock.GetUtcNow()) is { } problem)
                await Refuse(context, log, problem.Cause, problem.Sentence);
            else
                await next(context);
        });
    }

    private static Task Refuse(HttpContext context, ConnectionLog log, string cause, string sentence)
    {
        log.Note(context.Features.Get<ListenerName>()?.Value ?? "", cause, context.Connection.RemoteIpAddress, sentence);
        context.Response.StatusCode = StatusCodes.Status403Forbidden;
        context.Response.Headers.Connection = "close";
        context.Response.ContentType = "text/plain";
        var body = Encoding.ASCII.GetBytes($"{Reason.CertificateNotValid.Code()}: {sentence}\n");
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private static bool IsStream(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.Type is not (null or MethodType.Unary);

    private static async Task Until(X509Certificate2 certificate, TimeProvider clock, RevokedPeers revoked, HttpContext context,
        RequestDelegate next)
    {
        var gone = context.RequestAborted;
        await using var term = new Term(certificate, clock, revoked);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(gone, term.End);
        context.RequestAborted = ends.Token;
        context.Features.Set(term);
        await next(context);
    }

    private static string Sentence(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private sealed class Term : IAsyncDisposable
    {
        private readonly CancellationTokenSource end = new();
        private readonly X509Certificate2 certificate;
        private readonly TimeProvider clock;
        private readonly RevokedPeers revoked;
        private readonly ITimer timer;
        private readonly Lock gate = new();
        private bool over;
        private DateTimeOffset last;
        private TimeSpan pause = LongestDelay;
        private Func<FaultException?> further = static () => null;

        public Term(X509Certificate2 certificate, TimeProvider clock, RevokedPeers revoked)
        {
            (this.certificate, this.clock, this.revoked, last) = (certificate, clock, revoked, certificate.NotAfter);
            timer = clock.CreateTimer(static self => ((Term)self!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            revoked.Changed += Look;
            Look();
        }

        public CancellationToken End => end.Token;

        public FaultException? Over => !end.IsCancellationRequested ? null
            : revoked.Problem(certificate) is { } sentence ? RevokedPeers.Fault(sentence)
            : Problem(certificate, clock.GetUtcNow()) is { } problem ? Fault(problem.Sentence) : further();

        public void Also(DateTimeOffset until, Func<FaultException?> problem, TimeSpan? every)
        {
            lock (gate)
                (last, further, pause) = (until < last ? until : last, problem, every ?? pause);
            Look();
        }

        public async ValueTask DisposeAsync()
        {
            revoked.Changed -= Look;
            // A look may be going on just now.
            lock (gate)
                over = true;
            await timer.DisposeAsync();
            end.Dispose();
        }

        private void Look()
        {
            lock (gate)
            {
                if (over)
                    return;
                var left = last - clock.GetUtcNow();
                if (left < TimeSpan.Zero || revoked.Problem(certificate) is not null || further() is not null)
                    _ = end.CancelAsync(); // what the request does then is not done here, under the lock
                else
                    timer.Change((left < pause ? left : pause) + TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
            }
        }
    }
}
