namespace Overture.CertAuthority.Enrollment;

/// <summary>From a request to its certificate.</summary>
internal static class EnrollmentModule
{
    public static IServiceCollection AddEnrollment(this IServiceCollection services) =>
        services
            .AddSingleton<HeldRequests>()
            .AddSingleton<InstanceWitness>()
            .AddSingleton<ClaimMaker>()
            .AddSingleton<DecisionRecorder>()
            .AddSingleton<HandleTokenConflict>()
            .AddSingleton<ReservedKeys>()
            .AddSingleton<IssueFromClaim>()
            .AddSingleton<EnrollCertificate>()
            .AddSingleton<CollectCertificate>()
            .AddSingleton<CertificateInventory>();
}
