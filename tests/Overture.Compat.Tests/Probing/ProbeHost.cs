using System.Net;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Overture.Compat.Tests;

/// <summary>The probe on Kestrel in this process, plaintext HTTP/2 on a free port, and a channel to it.</summary>
internal sealed class ProbeHost : IAsyncDisposable
{
    private readonly WebApplication app;

    private ProbeHost(WebApplication app, ServerObservations seen)
    {
        this.app = app;
        Seen = seen;
        Address = app.Urls.Single();
        Channel = GrpcChannel.ForAddress(Address);
        Client = new Probe.ProbeClient(Channel);
    }

    public string Address { get; }

    public GrpcChannel Channel { get; }

    public Probe.ProbeClient Client { get; }

    public ServerObservations Seen { get; }

    public static Task<ProbeHost> StartAsync(string? responseEncoding = null, params Type[] interceptors) =>
        StartAsync(app => app.MapGrpcService<ProbeService>(), responseEncoding, interceptors);

    /// <summary>Serves one instance through the generated <c>BindService</c> instead of the attribute on its base.</summary>
    public static Task<ProbeHost> StartBoundAsync() => StartAsync(
        app => app.MapGrpcService(Probe.BindService(new ProbeService(app.Services.GetRequiredService<ServerObservations>()))));

    public Probe.ProbeClient ClientWith(params Interceptor[] interceptors) => new(Channel.Intercept(interceptors));

    public Task StopServerAsync() => app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Channel.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static async Task<ProbeHost> StartAsync(
        Action<WebApplication> map, string? responseEncoding = null, params Type[] interceptors)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton<ServerObservations>();
        builder.Services.AddGrpc(options =>
        {
            options.ResponseCompressionAlgorithm = responseEncoding;
            foreach (var interceptor in interceptors)
            {
                options.Interceptors.Add(interceptor);
            }
        });
        var app = builder.Build();
        var seen = app.Services.GetRequiredService<ServerObservations>();
        app.Use((context, next) => seen.ObserveHttp(context, next));
        map(app);
        await app.StartAsync();
        return new ProbeHost(app, seen);
    }
}
