namespace Overture.CertAuthority.PuppetApi.Limits;

/// <summary>Budgets of the CA API.</summary>
internal static class LimitsModule
{
    public static IServiceCollection AddLimits(this IServiceCollection services, PuppetLimitOptions limits) =>
        services
            .AddSingleton(limits)
            .AddSingleton<Budgets>()
            .AddSingleton<TokenProof>()
            .AddSingleton<WaitingAgents>();
}
