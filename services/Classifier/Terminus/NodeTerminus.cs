using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Classifier.Classification;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Serving;

namespace Overture.Classifier.Terminus;

/// <summary>
/// The HTTPS endpoint for puppetservers with node_terminus = overture: GET /overture/v1/node/CERTNAME. Answers what
/// <see cref="ClassifyNode"/> says, or an error (RFC 9457, with the reason code); never an empty node.
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
        services.AddSingleton(p => new PuppetHostCertificate(p.GetRequiredService<ClassifierOptions>().StateDirectory, bundle,
            p.GetRequiredService<TimeProvider>()));
        services.AddSingleton(new PuppetCaClient(options.CaServer, options.CaPort, bundle));
        services.AddSingleton(p => new PuppetserverPeers(p.GetRequiredService<ObjectStore>(), bundle, launches.Verify));
        services.AddSingleton<PeerAuthorizationCache>().AddHostedService<TerminusEnrollment>();
        services.AddHealthChecks().AddCheck<PuppetHostHealth>("listener");
    }

    public static void Listen(KestrelServerOptions kestrel, TerminusOptions options)
    {
        var host = kestrel.ApplicationServices.GetRequiredService<PuppetHostCertificate>();
        kestrel.ListenTls(options.Listen, Listener, HttpProtocols.Http1, options.Limits, host.Listener);
    }

    public static void Map(WebApplication app) => app.MapGet(Route, (Delegate)Node).OnListener(Listener);

    private static async Task Node(HttpContext http, string certname)
    {
        var services = http.RequestServices;
        var log = services.GetRequiredService<ILogger<PeerAuthorizationCache>>();
        try
        {
            // Who may is asked at each request: a connection that is kept outlives its certificate's revocation.
            if (await services.GetRequiredService<PeerAuthorizationCache>()
                .Refusal(http.Connection.ClientCertificate, http.RequestAborted) is { } refusal)
            {
                if (services.GetRequiredService<RefusalLines>().Allow($"{http.Connection.RemoteIpAddress}", "terminus.refused", refusal))
                    TerminusLog.Refused(log, $"{http.Connection.RemoteIpAddress}", refusal);
                throw new FaultException(FaultKind.Denied, Reason.NotPuppetserver, "nodes are served to registered puppetservers only");
            }
            var answer = await services.GetRequiredService<ClassifyNode>().Run(CertName.Parse(certname), http.RequestAborted);
            await Send(http, StatusCodes.Status200OK, "application/json", NodeJson.Write(answer));
        }
        catch (Exception e) when (FaultException.Of(e) is { } fault)
        {
            if (fault.PublicMessage != fault.Message)
                TerminusLog.Failed(log, fault.Reason.Code(), fault.Message);
            await Problem(http, StatusOf(fault.Kind), fault.Reason, fault.PublicMessage);
        }
        catch (Exception e) when (e is not OperationCanceledException || !http.RequestAborted.IsCancellationRequested)
        {
            TerminusLog.Unforeseen(log, e);
            await Problem(http, StatusCodes.Status500InternalServerError, Reason.Internal,
                $"internal error; its trace is {Activity.Current?.TraceId}");
        }
    }

    private static int StatusOf(FaultKind kind) => kind switch
    {
        FaultKind.Invalid => StatusCodes.Status400BadRequest,
        FaultKind.NotFound => StatusCodes.Status404NotFound,
        FaultKind.Denied => StatusCodes.Status403Forbidden,
        FaultKind.Precondition or FaultKind.AlreadyExists or FaultKind.Conflict => StatusCodes.Status409Conflict,
        FaultKind.TooLarge => StatusCodes.Status413PayloadTooLarge,
        FaultKind.Unavailable or FaultKind.Unreadable => StatusCodes.Status503ServiceUnavailable,
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
    [LoggerMessage(EventId = 10, EventName = "terminus.refused", Level = LogLevel.Warning,
        Message = "a node request from {Address} was refused: {Cause}")]
    public static partial void Refused(ILogger logger, string address, string cause);

    [LoggerMessage(EventId = 12, EventName = "terminus.failed", Level = LogLevel.Warning,
        Message = "a node request failed, {Reason}: {Cause}")]
    public static partial void Failed(ILogger logger, string reason, string cause);

    [LoggerMessage(EventId = 11, EventName = "terminus.unforeseen", Level = LogLevel.Error,
        Message = "the node terminus failed unexpectedly")]
    public static partial void Unforeseen(ILogger logger, Exception exception);
}
