using Microsoft.AspNetCore.Http.Features;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Storage;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Serving;

namespace Overture.CertAuthority.PuppetApi;

/// <summary>
/// Around every request of the Puppet listener: its deadline, revoked clients, who may call what, the version header, faults, the access
/// log.
/// </summary>
internal sealed class PuppetApiMiddleware(
    RequestDelegate next, RevocationStore revocations, UnrecordedCertificates unrecorded, AccessLog accessLog, PuppetLimitOptions limits,
    Budgets budgets, RefusalLines lines, TimeProvider clock, ILogger<PuppetApiMiddleware> log)
{
    // Agents read it for capability checks alone.
    private const string PuppetVersion = "7.23.0";

    // Kestrel's new name for a Content-Length beside Transfer-Encoding: a proxy may have believed the other one (threats T68).
    private const string BothLengths = "X-Content-Length";

    public async Task InvokeAsync(HttpContext context)
    {
        var at = clock.GetUtcNow();
        if (context.Request.Path.StartsWithSegments("/puppet-ca"))
            context.Response.Headers["X-Puppet-Version"] = PuppetVersion;
        await using var deadline =
            clock.CreateTimer(static late => End((HttpContext)late!), context, limits.Request, Timeout.InfiniteTimeSpan);
        try
        {
            if (context.Request.Headers.ContainsKey(BothLengths))
                await Close(context, StatusCodes.Status400BadRequest);
            else if (context.Connection.ClientCertificate is { } certificate && CaApiListener.IsRevoked(certificate, revocations))
                await PuppetFaults.Answer(context, PuppetFaults.Revoked);
            else if (await IsUnrecorded(context))
                await PuppetFaults.Answer(context, PuppetFaults.Unrecorded);
            else if (await MayPass(context))
                await next(context);
            else
                await context.Forbidden(lines, log);
        }
        catch (Exception e) when (FaultException.Of(e) is { } fault)
        {
            if (lines.Allow(Peer(context), $"puppetapi.refused {fault.Reason.Code()}"))
            {
                Log.Refused(log, context.Connection.RemoteIpAddress, fault.Kind, fault.Reason,
                    fault.PublicMessage == fault.Message ? "" : $": {fault.Message}");
            }
            // 503, so not counted by its status; it costs the store as much as any other.
            if (fault.Reason == Reason.HeldQueueFull)
                budgets.Failures.Spend(AddressKey.Of(context.Connection.RemoteIpAddress));
            await PuppetFaults.Answer(context, fault);
        }
        catch (BadHttpRequestException bad) when (!context.Response.HasStarted)
        {
            await Close(context, bad.StatusCode);
        }
        catch (IOException e) when (RequestFraming.IsBroken(e) && !context.Response.HasStarted)
        {
            await Close(context, StatusCodes.Status400BadRequest);
        }
        catch (Exception e) when (e is not (OperationCanceledException or BadHttpRequestException) && !context.Response.HasStarted)
        {
            if (lines.Allow(Peer(context), "puppetapi.unforeseen", $"{e.GetType().Name} at {context.GetEndpoint()?.DisplayName}"))
                Log.Unforeseen(log, context.Request.Method, context.Request.Path, e);
            await PuppetFaults.Answer(context, e);
        }
        finally
        {
            Count(context);
            var target = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? context.Request.Path;
            var bytes = context.Response.ContentLength is > 0 and var length ? $"{length}" : "-";
            Note(context, at, target, bytes);
        }
    }

    // What anyone may read needs no certificate: it is read while the store is away, too, and where a record is damaged.
    private async Task<bool> IsUnrecorded(HttpContext context)
    {
        try
        {
            return context.Connection.ClientCertificate is { } certificate
                && await unrecorded.Refuses(certificate, context.Connection.RemoteIpAddress, context.RequestAborted);
        }
        catch (Exception e)
            when (FaultException.Of(e)?.Kind is FaultKind.Unavailable or FaultKind.Unreadable && RouteAccess.Of(context) == Access.Anyone)
        {
            return false;
        }
    }

    // A route that asks for a certificate also asks the store whether that is revoked: another replica may have done it a moment ago.
    private async Task<bool> MayPass(HttpContext context)
    {
        if (RouteAccess.Of(context) is not { } access)
            return false;
        if (access == Access.Anyone)
            return true;
        return PuppetClient.Of(context) is { } client && client.May(access)
            && !await revocations.Contains(client.Serial, context.RequestAborted);
    }

    // A request that does not end in time is cut off; what was begun for it is finished all the same. An answer that is under way has
    // Kestrel's least rate. An administrator may sign or clean many names at once.
    private static void End(HttpContext context)
    {
        if (context.Response.HasStarted || RouteAccess.Of(context) == Access.Admin)
            return;
        LimitMetrics.Count(LimitKind.Slow);
        context.Abort();
    }

    private static string Peer(HttpContext context) => $"{context.Connection.RemoteIpAddress}";

    private static Task Close(HttpContext context, int status)
    {
        context.Response.Headers.Connection = "close";
        return context.Text(status);
    }

    private void Count(HttpContext context)
    {
        var status = context.Response.StatusCode;
        var failed = status is >= 400 and < 500 and not StatusCodes.Status429TooManyRequests
            && !(status == StatusCodes.Status404NotFound && HttpMethods.IsGet(context.Request.Method));
        if (failed)
            budgets.Failures.Spend(AddressKey.Of(context.Connection.RemoteIpAddress));
    }

    // A disk that is full must not turn a request that was decided into an error.
    private void Note(HttpContext context, DateTimeOffset at, string target, string bytes)
    {
        try
        {
            accessLog.Write(context.Connection.RemoteIpAddress, at, context.Request.Method, target, context.Request.Protocol,
                context.Response.StatusCode, bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (lines.Allow("", "puppetapi.access_log_failed", e.Message))
                Log.AccessLogFailed(log, e.Message);
        }
    }
}
