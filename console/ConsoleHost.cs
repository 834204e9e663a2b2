using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Console.Certificates;
using Overture.Console.Definitions;
using Overture.Console.Entry;
using Overture.Console.Fleet;
using Overture.Console.Instances;
using Overture.Console.Launch;
using Overture.Console.Layout;
using Overture.Console.Lists;
using Overture.Console.Requests;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;
using Overture.Platform.Tls;

namespace Overture.Console;

/// <summary>Starts the console: a client of the three gRPC APIs that shows pages. It reads no store and knows no rule of its own.</summary>
public static class ConsoleHost
{
    /// <summary>The listener of browsers.</summary>
    public const string Web = "web";

    private const string Name = "console";
    private const int ExitUsage = 64, ExitRefused = 70, ExitConfiguration = 78;

    /// <returns>The exit code, as of the services (ServiceHost).</returns>
    public static async Task<int> Run(string[] args)
    {
        if (OptionSchema.Print<ConsoleOptions>(Name, args) is { } printed)
        {
            await System.Console.Out.WriteLineAsync(printed);
            return 0;
        }
        if (args is not ([] or ["--config", _]))
        {
            await System.Console.Error.WriteLineAsync(OptionSchema.Usage(Name));
            return ExitUsage;
        }
        try
        {
            var options = OptionsFile.Load<ConsoleOptions>(Name, args.ElementAtOrDefault(1), o => o.Problems());
            await using var app = Build(options);
            await app.RunAsync();
            return 0;
        }
        catch (FaultException e) when (e.Kind == FaultKind.Invalid)
        {
            await System.Console.Error.WriteLineAsync("overture console: can't start, the configuration is wrong:");
            foreach (var problem in e.Fields)
                await System.Console.Error.WriteLineAsync($"  {problem.Field}: {problem.Rule}");
            return ExitConfiguration;
        }
        catch (Exception e) when (e is FaultException or InvalidOperationException or IOException or UnauthorizedAccessException)
        {
            await System.Console.Error.WriteLineAsync($"overture console: start refused: {e.Message}");
            return ExitRefused;
        }
    }

    /// <summary>The console, built and not started.</summary>
    /// <exception cref="InvalidOperationException">Its certificate can't be used, or is not of the role console.</exception>
    public static WebApplication Build(ConsoleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var peers = new PeerCertificates(options.Tls, TimeProvider.System);
        if (!PeerIdentity.Of(peers.Current.Leaf).Roles.SetEquals([Role.Console]))
            throw new InvalidOperationException($"{options.Tls.Certificate} is not of the role console (overture pki init makes one)");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.AddServiceManager();
        builder.AddTelemetry(Name, isScraped: false);
        Add(builder, options, peers);
        builder.AddListeners();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limit();
            kestrel.ListenTls(options.Listen, Web, HttpProtocols.Http1AndHttp2, options.Limits,
                () => peers.Listener() with { AsksForNone = true });
        });
        var app = builder.Build();
        Map(app);
        var reload = app.Services.GetRequiredService<ReloadSignal>();
        reload.Add(peers.Reload);
        reload.LogTo(app.Services.GetRequiredService<ILogger<ReloadSignal>>());
        return app;
    }

    private static void Add(WebApplicationBuilder builder, ConsoleOptions options, PeerCertificates peers)
    {
        var keys = Path.Combine(options.StateDirectory, "session-keys");
        PrivateFile.MakeDirectory(keys);
        // One that was there may be open to others: who reads these keys can make any cookie. Of another owner's, the start is refused.
        File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var services = builder.Services;
        services.AddSingleton(options).AddSingleton(peers).AddSingleton(TimeProvider.System).AddSingleton(RandomNumberGenerator.Create());
        services.AddSingleton<Ids>().AddSingleton<ReloadSignal>();
        // Which certificates were revoked, the services know; each of their answers may end a session.
        services.AddSingleton<RevokedPeers>().AddConsoleCallers(options.OpenIdConnect);
        ProviderSignIn.Add(services, options.OpenIdConnect);
        var sealing = services.AddDataProtection().SetApplicationName("overture-console");
        if (options.IsReplicated)
            sealing.DisableAutomaticKeyGeneration().AddKeyManagementOptions(o => o.XmlRepository = new SharedKeys(options.SessionKey));
        else
            sealing.PersistKeysToFileSystem(new DirectoryInfo(keys));
        services.AddAntiforgery(o =>
        {
            (o.Cookie.Name, o.Cookie.HttpOnly, o.Cookie.Path) = ("__Host-overture-form", true, "/");
            (o.Cookie.SameSite, o.Cookie.SecurePolicy) = (SameSiteMode.Strict, CookieSecurePolicy.Always);
            (o.FormFieldName, o.SuppressXFrameOptionsHeader) = ("form_token", true);
        });
        services.AddRazorComponents();
        services.AddSingleton<ServiceLinks>().AddSingleton<OpenStreams>().AddSingleton<SessionCookie>().AddSingleton<OneTimeLinks>()
            .AddSingleton<EndedSessions>().AddSingleton<OwnViews>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
    }

    private static void Map(WebApplication app)
    {
        app.UseRouting();
        app.UseConnectionLimits();
        app.UseCertificateTerm();
        app.UseListenerGuard();
        app.UsePageHeaders();
        app.UseErrorPages();
        app.UseProviderSignIn();
        app.UseSessions();
        AssetFiles.Map(app);
        SignIn.Map(app);
        ProviderSignIn.Map(app, app.Services.GetRequiredService<ConsoleOptions>().OpenIdConnect);
        FleetPages.Map(app);
        InstancePages.Map(app);
        InstanceActs.Map(app);
        LaunchPages.Map(app);
        RequestPages.Map(app);
        DefinitionPages.Map(app);
        CertificatePages.Map(app);
        ListPages.Map(app);
    }
}
