using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Conductor.FirstBoot;

/// <summary>
/// Where instances say how their first boot goes: POST /first-boot/v1/CERTNAME with the header Authorization: Bearer TOKEN. The reporter
/// that user data leaves behind stops at 410, waits after any other error, and keeps no boot waiting.
/// </summary>
internal static class FirstBootIntake
{
    public const string Listener = "first-boot";
    private const string Route = "/first-boot/v1/{certname}", Scheme = "Bearer ";

    public static void Add(IServiceCollection services) =>
        services.AddSingleton<FirstBootLimits>().AddSingleton<TakeFirstBoot>();

    public static void Listen(KestrelServerOptions kestrel, ConductorOptions options)
    {
        var host = kestrel.ApplicationServices.GetRequiredService<PuppetHostCertificate>();
        kestrel.ListenTls(options.FirstBoot.Listen, Listener, HttpProtocols.Http1, options.FirstBoot.Limits,
            () => host.Listener() with { AsksForNone = true });
    }

    public static void Map(WebApplication app) => app.MapPost(Route, (Delegate)Post).OnListener(Listener);

    private static async Task Post(HttpContext http, string certname)
    {
        var services = http.RequestServices;
        try
        {
            var taken = TakeFirstBoot.Taken.NotItsToken;
            var token = $"{http.Request.Headers.Authorization}";
            if (CertName.TryParse(certname, out var name, out _) && token.StartsWith(Scheme, StringComparison.Ordinal))
            {
                http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = FirstBootReport.MaxBytes;
                using var body = new MemoryStream();
                await http.Request.Body.CopyToAsync(body, http.RequestAborted);
                taken = await services.GetRequiredService<TakeFirstBoot>()
                    .Run(name, token[Scheme.Length..], http.Connection.RemoteIpAddress ?? IPAddress.None, body.ToArray(),
                        http.RequestAborted);
            }
            await Answer(http, taken);
        }
        catch (InvalidDataException e)
        {
            await Refuse(http, StatusCodes.Status400BadRequest, e.Message);
        }
        catch (Exception e) when (FaultException.Of(e) is { } fault)
        {
            await Refuse(http, StatusCodes.Status503ServiceUnavailable, $"{fault.Reason.Code()}: {fault.PublicMessage}");
        }
        catch (UnreadableObjectException)
        {
            await Refuse(http, StatusCodes.Status503ServiceUnavailable, $"{Reason.StoreUnavailable.Code()}: a record of it is damaged");
        }
    }

    private static async Task Answer(HttpContext http, TakeFirstBoot.Taken taken)
    {
        switch (taken)
        {
            case TakeFirstBoot.Taken.Yes:
                http.Response.StatusCode = StatusCodes.Status204NoContent;
                break;
            case TakeFirstBoot.Taken.Over:
                await Refuse(http, StatusCodes.Status410Gone, $"{Reason.TokenExpired.Code()}: its first boot is over");
                break;
            case TakeFirstBoot.Taken.TooMuch:
                await Refuse(http, StatusCodes.Status429TooManyRequests, $"{Reason.RateLimited.Code()}: no more of it is taken now");
                break;
            default:
                var peer = $"{http.Connection.RemoteIpAddress}";
                if (http.RequestServices.GetRequiredService<RefusalLines>().Allow(peer, "first-boot.refused"))
                    Log.FirstBootRefused(http.RequestServices.GetRequiredService<ILogger<TakeFirstBoot>>(), peer);
                await Refuse(http, StatusCodes.Status403Forbidden, $"{Reason.TokenMismatch.Code()}: not the report token of this name");
                break;
        }
    }

    // What is left unread of a refused body would be taken for the next request.
    private static async Task Refuse(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        http.Response.Headers.Connection = "close";
        await http.Response.WriteAsync(text + "\n");
    }
}
