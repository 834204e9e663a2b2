using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Serving;

namespace Overture.Conductor.Reports;

/// <summary>
/// Where puppetserver posts reports (reports = http). It does not try again and keeps the agent waiting meanwhile, so a report is written
/// to disk and answered at once; the work comes after.
/// </summary>
internal static class ReportIntake
{
    public const string Listener = "reports";

    public static void Add(IServiceCollection services, ConductorOptions options)
    {
        services.AddMadeAtStart<ReportMetrics>();
        services.AddSingleton<ReportSpool>()
            .AddSingleton(p => new PuppetserverPeers(
                p.GetRequiredService<ObjectStore>(), p.GetRequiredService<PuppetCaBundle>(), p.GetRequiredService<LaunchKeys>().Verify))
            .AddSingleton<ProcessReport>().AddHostedService<ReportWorker>();
        services.AddSingleton(p => new PuppetHostCertificate(options.StateDirectory, p.GetRequiredService<PuppetCaBundle>(),
            p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(p =>
            new PuppetCaClient(options.Reports.CaServer, options.Reports.CaPort, p.GetRequiredService<PuppetCaBundle>()));
        services.AddHostedService<ReportHostEnrollment>();
        services.AddHealthChecks().AddCheck<PuppetHostHealth>("listener");
    }

    public static void Listen(KestrelServerOptions kestrel, ConductorOptions options)
    {
        var host = kestrel.ApplicationServices.GetRequiredService<PuppetHostCertificate>();
        kestrel.ListenTls(options.Reports.Listen, Listener, HttpProtocols.Http1, options.Reports.Limits, host.Listener);
    }

    public static void Map(WebApplication app)
    {
        // The second path is Puppet's default reporturl.
        foreach (var path in (string[])["/reports", "/reports/upload"])
            app.MapPost(path, (Delegate)Post).OnListener(Listener);
    }

    private static async Task Post(HttpContext http)
    {
        var services = http.RequestServices;
        var spool = services.GetRequiredService<ReportSpool>();
        try
        {
            // 1. who may
            var refusal = await services.GetRequiredService<PuppetserverPeers>()
                .Refusal(http.Connection.ClientCertificate, http.RequestAborted);
            if (refusal is not null)
            {
                if (services.GetRequiredService<RefusalLines>().Allow($"{http.Connection.RemoteIpAddress}", "reports.refused", refusal))
                    Log.ReportRefused(services.GetRequiredService<ILogger<ReportSpool>>(), $"{http.Connection.RemoteIpAddress}", refusal);
                await Answer(http, StatusCodes.Status403Forbidden,
                    $"{Reason.NotPuppetserver.Code()}: reports are taken from registered puppetservers only");
                return;
            }
            // 2. to disk, and answered
            http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = null; // the spool counts
            await Answer(http, await spool.Take(http.Request.Body, http.Request.ContentLength, http.RequestAborted) switch
            {
                ReportSpool.Taken.Yes => StatusCodes.Status202Accepted,
                ReportSpool.Taken.TooLarge => StatusCodes.Status413PayloadTooLarge,
                _ => StatusCodes.Status503ServiceUnavailable,
            }, "");
        }
        catch (Exception e) when (FaultException.Of(e) is { Kind: FaultKind.Unavailable or FaultKind.Unreadable })
        {
            Log.ReportNotTaken(services.GetRequiredService<ILogger<ReportSpool>>(), e.Message);
            await Answer(http, StatusCodes.Status503ServiceUnavailable, "try again");
        }
        catch (Exception e) when (e is UnauthorizedAccessException
            || (e is IOException io and not (Microsoft.AspNetCore.Http.BadHttpRequestException or ConnectionResetException)
                && !RequestFraming.IsBroken(io)))
        {
            // Our own disk; of the connection it is one of those three.
            Log.ReportNotTaken(services.GetRequiredService<ILogger<ReportSpool>>(), e.Message);
            await Answer(http, StatusCodes.Status503ServiceUnavailable, "try again");
        }
    }

    private static async Task Answer(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        // What is left unread of a refused body would be taken for the next request.
        if (status >= 400)
            http.Response.Headers.Connection = "close";
        if (text.Length > 0)
            await http.Response.WriteAsync(text + "\n");
    }
}
