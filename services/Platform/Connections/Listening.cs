using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Overture.Platform.Rpc;

namespace Overture.Platform.Connections;

/// <summary>
/// The one way to listen, for gRPC and for Puppet: limits by connection and address, TLS with client certificates of exactly one CA, a
/// trace of every handshake that fails, and small buffers.
/// </summary>
public static class Listening
{
    // A pipeline of requests is read as fast as it is answered, not a mebibyte (Kestrel's default) ahead of that on each connection.
    private const int SocketBuffer = 16 * 1024, ResponseBuffer = 32 * 1024, Headers = 16 * 1024;
    private static readonly TimeSpan HandshakeLimit = TimeSpan.FromSeconds(10), HeaderLimit = TimeSpan.FromSeconds(10),
        IdleLimit = TimeSpan.FromSeconds(60);

    /// <summary>What every listener of this process needs. After the service's own logging, which may clear what was there.</summary>
    public static void AddListeners(this WebApplicationBuilder builder)
    {
        // Before anything of this process starts a program.
        KeptListeners.Descriptors.Keep();
        // Two readings of one request are one too many: a bare LF ends no line (threats T68).
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton<ConnectionLog>().AddSingleton<ListenerSet>().AddSingleton<KeptListeners>()
            .AddSingleton<IConnectionListenerFactory, AdmittingTransport>();
        builder.Services.AddOptions<SocketTransportOptions>().Configure<KeptListeners>((o, kept) =>
            (o.MaxReadBufferSize, o.MaxWriteBufferSize, o.CreateBoundListenSocket) = (SocketBuffer, ResponseBuffer, kept.Bind));
        builder.Logging.AddProvider(new Handshake.Listener()).AddFilter<Handshake.Listener>(null, LogLevel.None)
            .AddFilter<Handshake.Listener>(Handshake.Listener.Category, LogLevel.Debug);
    }

    /// <summary>Kestrel has one set of these for all listeners (docs/threats.md §4.2).</summary>
    public static void Limit(this KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = 64 * 1024; // a route that takes more says so
        kestrel.Limits.MaxRequestBufferSize = Headers;
        kestrel.Limits.MaxResponseBufferSize = ResponseBuffer;
        kestrel.Limits.MaxRequestHeadersTotalSize = Headers;
        kestrel.Limits.MaxRequestHeaderCount = 64;
        kestrel.Limits.MaxRequestLineSize = 4 * 1024;
        kestrel.Limits.RequestHeadersTimeout = HeaderLimit;
        kestrel.Limits.KeepAliveTimeout = IdleLimit;
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
    }

    /// <param name="kestrel">Of this service.</param>
    /// <param name="endpoint">ADDRESS:PORT.</param>
    /// <param name="name">Its name, by which routes find it.</param>
    /// <param name="protocols">HTTP/1.1 or HTTP/2.</param>
    /// <param name="limits">How much it takes.</param>
    /// <param name="tls">Asked at each handshake.</param>
    /// <param name="unused">Called for each connection that ended without a request, with its owner.</param>
    public static void ListenTls(
        this KestrelServerOptions kestrel, string endpoint, string name, HttpProtocols protocols, ListenerLimits limits,
        Func<ListenerTls> tls, Action<AddressKey>? unused = null)
    {
        var services = kestrel.ApplicationServices;
        var (log, clock, at) = (services.GetRequiredService<ConnectionLog>(), services.GetRequiredService<TimeProvider>(),
            IPEndPoint.Parse(endpoint));
        services.GetRequiredService<ListenerSet>().Add(name, at, limits);
        kestrel.Listen(at, listen =>
        {
            listen.Protocols = protocols;
            listen.Named(name);
            listen.Use(next => connection => Run(connection, next, name, log, clock, unused));
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = HandshakeLimit,
                OnConnection = context => ValueTask.FromResult(context.Connection.Features.Get<Handshake>()!.Options(tls())),
            });
            listen.Use(next => connection =>
            {
                connection.Features.Get<Handshake>()!.Complete();
                if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is not null)
                    connection.Features.Get<OpenConnection>()?.Certify();
                return next(connection);
            });
        });
    }

    /// <summary>A listener without TLS, for what is no secret.</summary>
    /// <param name="kestrel">Of this service.</param>
    /// <param name="endpoint">ADDRESS:PORT.</param>
    /// <param name="name">Its name, by which routes find it.</param>
    /// <param name="limits">How much it takes.</param>
    public static void ListenPlain(this KestrelServerOptions kestrel, string endpoint, string name, ListenerLimits limits)
    {
        var at = IPEndPoint.Parse(endpoint);
        kestrel.ApplicationServices.GetRequiredService<ListenerSet>().Add(name, at, limits);
        kestrel.Listen(at, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Named(name);
            listen.Use(next => async connection =>
            {
                try
                {
                    await next(connection);
                }
                finally
                {
                    connection.Features.Get<OpenConnection>()!.Leave();
                }
            });
        });
    }

    /// <summary>Around every request: what its connection may still do.</summary>
    public static void UseConnectionLimits(this WebApplication app) => app.Use(static async (context, next) =>
    {
        var connection = context.Features.Get<OpenConnection>();
        if (connection?.Begin() == true)
            context.Response.Headers.Connection = "close";
        // gRPC counts for itself, by message, and what it takes is in ServiceHost; it lifts this limit for streams alone.
        if (context.Features.Get<ListenerName>()?.Value == Listeners.Grpc
            && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = null;
        }
        try
        {
            await next(context);
        }
        catch (IOException e) when (RequestFraming.IsBroken(e) && !context.Response.HasStarted)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            context.Response.Headers.Connection = "close";
        }
        finally
        {
            // Of HTTP/2 an answer can't be the connection's last.
            connection?.Answered(refused: context.Response.StatusCode == StatusCodes.Status429TooManyRequests
                && HttpProtocol.IsHttp11(context.Request.Protocol));
        }
    });

    private static async Task Run(ConnectionContext connection, ConnectionDelegate next, string listener, ConnectionLog log,
        TimeProvider clock, Action<AddressKey>? unused)
    {
        var open = connection.Features.Get<OpenConnection>()!;
        var handshake = new Handshake(clock).Begin();
        connection.Features.Set(handshake);
        try
        {
            await next(connection);
        }
        finally
        {
            open.Leave();
            if (!handshake.Done && !open.GaveWay)
                log.Note(listener, handshake.Cause, open.Peer, handshake.Detail);
            // No handshake, no headers, or not HTTP.
            if (!open.Finished && !open.GaveWay)
                unused?.Invoke(open.Address);
        }
    }
}

/// <summary>What Kestrel says of a request body whose framing is wrong, where it is not a BadHttpRequestException.</summary>
public static class RequestFraming
{
    /// <summary>A chunk of 2^31 bytes or more: its number overflows.</summary>
    public static bool IsBroken(IOException e) => e.InnerException is OverflowException;
}
