namespace Overture.CertAuthority.Approval;

/// <summary>A person's decisions on requests that wait.</summary>
internal static class ApprovalModule
{
    public static IServiceCollection AddApproval(this IServiceCollection services) =>
        services
            .AddSingleton<IssueAdminCertificate>()
            .AddSingleton<ApproveRequest>()
            .AddSingleton<DenyRequest>()
            .AddSingleton<ReviewHeld>();
}
