using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Launch;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Conductor.Reports;

/// <summary>
/// Where puppetserver posts reports (reports = http). It does not try again and holds the agent's line meanwhile, so a report is taken to disk
/// and answered at once; the work comes after.
/// </summary>
internal static class ReportIntake
{
    public const string Listener = "reports";

    public static void Add(IServiceCollection services, ConductorOptions options)
    {
        services.AddSingleton<ReportSpool>().AddSingleton(p => new PuppetserverPeers(p.GetRequiredService<ObjectStore>(), p.GetRequiredService<LaunchKeys>().Verify)).AddSingleton<ProcessReport>().AddHostedService<ReportWorker>();
        services.AddSingleton(p => new PuppetHostCertificate(options.StateDirectory, p.GetRequiredService<PuppetCaBundle>(), p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(p => new PuppetCaClient(options.Reports.CaServer, options.Reports.CaPort, p.GetRequiredService<PuppetCaBundle>()));
        services.AddHostedService<ReportHostEnrolment>();
    }

    public static void Listen(KestrelServerOptions kestrel, ConductorOptions options)
    {
        var host = kestrel.ApplicationServices.GetRequiredService<PuppetHostCertificate>();
        kestrel.Listen(IPEndPoint.Parse(options.Reports.Listen), listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Named(Listener);
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(host.ServerOptions()) });
        });
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
            var refusal = await services.GetRequiredService<PuppetserverPeers>().Refusal(http.Connection.ClientCertificate, http.RequestAborted);
            if (refusal is not null)
            {
                Log.ReportRefused(services.GetRequiredService<ILogger<ReportSpool>>(), $"{http.Connection.RemoteIpAddress}", refusal);
                await Answer(http, StatusCodes.Status403Forbidden, $"{Reason.NotPuppetserver.Code()}: reports are taken from registered puppetservers only");
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
        catch (FaultException e) when (e.Kind == FaultKind.Unavailable)
        {
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
