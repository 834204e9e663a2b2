namespace Overture.CertAuthority.StockCa;

/// <summary>A puppetserver's own CA.</summary>
internal static class StockCaModule
{
    public static IServiceCollection AddStockCa(this IServiceCollection services, StockCaOptions options) =>
        services
            .AddSingleton(options)
            .AddSingleton<StockCaClient>()
            .AddSingleton<StockCertificates>()
            .AddSingleton<StockRevocation>();
}
