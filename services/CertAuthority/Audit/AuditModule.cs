namespace Overture.CertAuthority.Audit;

/// <summary>The audit log: writing, searching and verifying it.</summary>
internal static class AuditModule
{
    public static IServiceCollection AddAudit(this IServiceCollection services) =>
        services
            .AddSingleton<UnclaimedCertificates>()
            .AddSingleton<UnrecordedCertificates>()
            .AddSingleton<AuditHeads>()
            .AddSingleton<PeerStreams>()
            .AddSingleton<AuditStream>()
            .AddSingleton<AuditReaders>()
            .AddSingleton<AuditSearch>()
            .AddSingleton<DamagedObjects>()
            .AddSingleton<InventoryCheck>()
            .AddSingleton<WrittenCheck>()
            .AddSingleton<RegistrationCheck>()
            .AddSingleton<VerifyAudit>();
}
