using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Classifier.Classification;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Classifier.Terminus;

/// <summary>
/// The HTTPS face for puppetservers with node_terminus = overture: GET /overture/v1/node/CERTNAME. Answers what <see cref="ClassifyNode"/> says,
/// or an error (RFC 9457, with the reason code); never an empty node.
/// </summary>
internal static class NodeTerminus
{
    public const string Listener = "terminus";
    private const string Route = "/overture/v1/node/{certname}";

    public static void Add(IServiceCollection services, TerminusOptions options)
    {
        var bundle = new PuppetCaBundle(options.CaBundle, "terminus.caBundle");
        _ = bundle.Current; // an unusable bundle is refused now, not at the first handshake
        var launches = LaunchVerifier.FromDirectory(options.LaunchKeys);
        services.AddSingleton(bundle);
        services.AddSingleton(p => new PuppetHostCertificate(p.GetRequiredService<ClassifierOptions>().StateDirectory, bundle, p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(new PuppetCaClient(options.CaServer, options.CaPort, bundle));
        services.AddSingleton(p => new PuppetserverPeers(p.GetRequiredService<ObjectStore>(), launches.Verify));
        services.AddSingleton<WelcomePeers>().AddHostedService<TerminusEnrolment>();
    }

    public static void Listen(KestrelServerOptions kestrel, TerminusOptions options)
    {
        var host = kestrel.ApplicationServices.GetRequiredService<PuppetHostCertificate>();
        kestrel.Listen(IPEndPoint.Parse(options.Listen), listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Named(Listener);
            listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(host.ServerOptions()) });
        });
    }

    public static void Map(WebApplication app) => app.MapGet(Route, (Delegate)Node).OnListener(Listener);

    private static async Task Node(HttpContext http, string certname)
    {
        var services = http.RequestServices;
        var log = services.GetRequiredService<ILogger<WelcomePeers>>();
        try
        {
            // Who may is asked at each request: a connection that is kept outlives its certificate's revocation.
            if (await services.GetRequiredService<WelcomePeers>().Refusal(http.Connection.ClientCertificate, http.RequestAborted) is { } refusal)
            {
                TerminusLog.Refused(log, $"{http.Connection.RemoteIpAddress}", refusal);
                throw new FaultException(FaultKind.Denied, Reason.NotPuppetserver, "nodes are told to registered puppetservers only");
            }
            var answer = await services.GetRequiredService<ClassifyNode>().Run(CertName.Parse(certname), http.RequestAborted);
            await Send(http, StatusCodes.Status200OK, "application/json", NodeJson.Write(answer));
        }
        catch (FaultException fault)
        {
            await Problem(http, StatusOf(fault.Kind), fault.Reason, fault.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException || !http.RequestAborted.IsCancellationRequested)
        {
            TerminusLog.Unforeseen(log, e);
            await Problem(http, StatusCodes.Status500InternalServerError, Reason.Internal, $"internal error; its trace is {Activity.Current?.TraceId}");
        }
    }

    private static int StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.Invalid => StatusCodes.Status400BadRequest,
        FaultKind.NotFound => StatusCodes.Status404NotFound,
        FaultKind.Denied => StatusCodes.Status403Forbidden,
        FaultKind.Precondition or FaultKind.AlreadyExists or FaultKind.Conflict => StatusCodes.Status409Conflict,
        FaultKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        FaultKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status500InternalServerError,
    };

    private static Task Problem(HttpContext http, int status, Reason reason, string detail) =>
        Send(http, status, "application/problem+json", ProblemJson.Write(status, reason, detail));

    // With its length: a body in chunks costs the client a read more.
    private static async Task Send(HttpContext http, int status, string type, ReadOnlyMemory<byte> body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }
}

internal static partial class TerminusLog
{
    [LoggerMessage(EventId = 10, EventName = "terminus.refused", Level = LogLevel.Warning, Message = "a node was not told to {Address}: {Cause}")]
    public static partial void Refused(ILogger logger, string address, string cause);

    [LoggerMessage(EventId = 11, EventName = "terminus.unforeseen", Level = LogLevel.Error, Message = "the node terminus failed unforeseen")]
    public static partial void Unforeseen(ILogger logger, Exception exception);
}
