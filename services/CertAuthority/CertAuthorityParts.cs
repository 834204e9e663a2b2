using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.CertAuthority.Approver;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Import;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.V1;
using Overture.Platform;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Overture.CertAuthority;

/// <summary>What CertAuthority adds to the platform.</summary>
public sealed class CertAuthorityParts : IServiceParts<CertAuthorityOptions>
{
    public static string Name => AuditLog.Service;

    // Certificates and CRLs would be dated wrong (threats T90).
    public static HealthStatus WithWrongClock => HealthStatus.Unhealthy;

    public static IReadOnlyList<ServiceDescriptor> Services => [CertAuthorityService.Descriptor];

    public static void Roles(RoleTable table) => table
        .Allow(CertAuthorityService.Descriptor, "SubmitCertificateRequest", Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "AuthorizeCertificateRequest", Role.Autosign, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "GetCertificate", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "RevokeCertificate", Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "GetCrl", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "ListCertificateRequests", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "GetHeldRequest", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "ApproveCertificateRequest", Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "DenyCertificateRequest", Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "IssueAdminCertificate", Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "VerifyAudit", Role.Viewer, Role.Operator, Role.Admin)
        .Allow(CertAuthorityService.Descriptor, "ExplainCertificate", Role.Viewer, Role.Operator, Role.Admin);

    public static void Add(WebApplicationBuilder builder, CertAuthorityOptions options)
    {
        var services = builder.Services;
        // Opened now: a CA whose files do not fit together refuses the start.
        services.AddSingleton(CaSigner.Open(options.CaDirectory));
        services.AddSingleton(LaunchVerifier.FromDirectory(options.LaunchKeys));
        services.AddSingleton(options);
        services.AddSingleton(new StateDirectory(options.StateDirectory));
        services.AddSingleton(p => AuditKey.In(p.GetRequiredService<StateDirectory>()));

        services.AddSingleton<RecordSeal>().AddSingleton<ClaimStore>().AddSingleton<BlockStore>().AddSingleton<KeyBlocks>().AddSingleton<RevocationStore>().AddSingleton<HeldRequests>();
        services.AddSingleton<EvidenceReader>().AddSingleton<InstanceWitness>().AddSingleton<ClaimMaker>().AddSingleton<DecisionTold>().AddSingleton<Contest>().AddSingleton<OwnKeys>();
        services.AddSingleton<AdmitRequest>().AddSingleton<FinishClaim>().AddSingleton<SubmitCsr>().AddSingleton<AuthorizeForStock>();
        services.AddSingleton<CollectCertificate>().AddSingleton<FindCertificate>().AddSingleton<RenewCertificate>().AddSingleton<IssueAdminCertificate>();
        services.AddSingleton<ApproveRequest>().AddSingleton<DenyRequest>().AddSingleton<ReviewHeld>().AddSingleton<CertificateInventory>().AddSingleton<ParentCrls>().AddSingleton<CarriedRevocations>();
        services.AddSingleton<PublishCrl>().AddSingleton<RevokeName>().AddSingleton<CloseName>().AddSingleton<AccessLog>();
        services.AddSingleton(options.PuppetApi.Limits).AddSingleton<Budgets>().AddSingleton<OpenConnections>().AddSingleton<TokenProof>();

        services.AddSingleton<AuditHeads>().AddSingleton<OtherStreams>().AddSingleton<AuditStream>().AddSingleton<AuditSearch>();
        services.AddSingleton<InventoryCheck>().AddSingleton<VerifyAudit>().AddSingleton<ExplainCertificate>();

        services.AddSingleton(options.StockCa).AddSingleton<StockCaClient>().AddSingleton<StockCertificates>().AddSingleton<StockRevocation>();
        services.AddSingleton<ConfirmSigned>().AddSingleton<ApproveWaiting>();

        // In the order they start, before anything listens; stopped the other way round.
        services.AddSingleton<AuditLog>().AddHostedService(p => p.GetRequiredService<AuditLog>());
        services.AddHostedService<FoldImported>();
        services.AddSingleton<CrlPublisher>().AddHostedService(p => p.GetRequiredService<CrlPublisher>());
        services.AddSingleton<ServerLeaf>().AddHostedService(p => p.GetRequiredService<ServerLeaf>());
        services.AddSingleton<LimitedNames>().AddHostedService(p => p.GetRequiredService<LimitedNames>());
        services.AddHostedService<ClaimSweep>();
        services.AddHostedService<HeldWatch>();
        services.AddSingleton<Quarantine>().AddHostedService<InstanceWatch>();
        services.AddSingleton<AuditSweep>().AddHostedService(p => p.GetRequiredService<AuditSweep>());
        if (options.StockCa.Enabled)
            services.AddHostedService<StockApprover>();
        services.AddHealthChecks().AddCheck<Readiness>("ca");
    }

    public static void Listen(KestrelServerOptions kestrel, CertAuthorityOptions options) => CaApiListener.Listen(kestrel, options.PuppetApi);

    public static void Map(WebApplication app)
    {
        PuppetCaEndpoints.Map(app);
        app.MapGrpcService<CertAuthorityApi>().OnListener(Listeners.Grpc);
    }
}
