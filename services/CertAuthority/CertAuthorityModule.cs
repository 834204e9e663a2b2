using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.CertAuthority.Api;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Import;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.Renewal;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.StockApproval;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;
using Overture.Platform.Serving;

namespace Overture.CertAuthority;

/// <summary>What CertAuthority adds to the platform.</summary>
public sealed class CertAuthorityModule : IServiceModule<CertAuthorityOptions>
{
    public static string Name => AuditLog.Service;

    // Certificates and CRLs would be dated wrong (threats T90).
    public static HealthStatus WithWrongClock => HealthStatus.Unhealthy;

    public static IReadOnlyList<ServiceDescriptor> Services => [CertAuthorityService.Descriptor];

    public static void Add(WebApplicationBuilder builder, CertAuthorityOptions options)
    {
        var services = builder.Services;
        // Opened now: a CA whose files do not fit together refuses the start.
        services.AddSingleton(CaSigner.Open(options.CaDirectory));
        services.AddSingleton(LaunchVerifier.FromDirectory(options.LaunchKeys));
        services.AddSingleton(options);
        services.AddSingleton(new StateDirectory(options.StateDirectory));
        services.AddSingleton(p => AuditKey.In(p.GetRequiredService<StateDirectory>()));

        services
            .AddSingleton<RecordedCertificates>()
            .AddSingleton<CurrentIdentity>()
            .AddStorage()
            .AddAudit()
            .AddStockCa(options.StockCa)
            .AddRevocation()
            .AddEnrollment()
            .AddStockApproval()
            .AddSingleton<RenewCertificate>()
            .AddQueries()
            .AddApproval()
            .AddSingleton<CallerScope>()
            .AddLimits(options.PuppetApi.Limits);

        // In the order they start, before anything listens; stopped the other way round.
        services.AddSingleton<AuditLog>().AddHostedService(p => p.GetRequiredService<AuditLog>());
        services.AddSingleton<AuditBudget>().AddHostedService(p => p.GetRequiredService<AuditBudget>());
        services.AddSingleton<AccessLog>().AddHostedService(p => p.GetRequiredService<AccessLog>());
        services.AddHostedService<FoldImported>();
        services.AddHostedService<IssuerRecord>();
        services.AddSingleton<CrlPublisher>().AddHostedService(p => p.GetRequiredService<CrlPublisher>());
        services.AddSingleton<ServerLeaf>().AddHostedService(p => p.GetRequiredService<ServerLeaf>());
        services.AddSingleton<LimitedNames>().AddHostedService(p => p.GetRequiredService<LimitedNames>());
        services.AddHostedService<RestoreRevocations>();
        services.AddHostedService<ClaimSweep>();
        services.AddHostedService<HeldWatch>();
        services.AddMadeAtStart<CaMetrics>();
        services.AddCountFromZero(AlarmMetrics.FromZero).AddCountFromZero(DecisionMetrics.FromZero)
            .AddCountFromZero(LimitMetrics.FromZero);
        services.AddHostedService<UnrecordedWatch>();
        services.AddHostedService<InstanceWatch>();
        services.AddSingleton<AuditSweep>().AddHostedService(p => p.GetRequiredService<AuditSweep>());
        services.AddSingleton<AuditRetention>().AddHostedService(p => p.GetRequiredService<AuditRetention>());
        if (options.StockCa.Enabled)
            services.AddHostedService<StockApprover>();
        services.AddHealthChecks().AddCheck<Readiness>("ca").AddCheck<AuditHealth>("audit", timeout: TimeSpan.FromSeconds(3));
    }

    public static void Listen(KestrelServerOptions kestrel, CertAuthorityOptions options) =>
        CaApiListener.Listen(kestrel, options.PuppetApi);

    public static void Map(WebApplication app)
    {
        PuppetCaEndpoints.Map(app);
        app.MapRpcsOf<RequestsApi>();
        app.MapRpcsOf<CertificatesApi>();
        app.MapRpcsOf<RevocationApi>();
        app.MapRpcsOf<CaApi>();
        app.MapRpcsOf<AuditApi>();
    }
}
