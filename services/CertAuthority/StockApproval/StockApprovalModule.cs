namespace Overture.CertAuthority.StockApproval;

/// <summary>Approval of what waits at a puppetserver's own CA.</summary>
internal static class StockApprovalModule
{
    public static IServiceCollection AddStockApproval(this IServiceCollection services) =>
        services
            .AddSingleton<ConfirmSigned>()
            .AddSingleton<ApproveWaiting>()
            .AddSingleton<FirstLook>()
            .AddSingleton<UnclaimedAtStock>()
            .AddSingleton<AutosignWatch>();
}
