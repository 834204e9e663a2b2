namespace Overture.CertAuthority.Queries;

/// <summary>What is known of a certificate.</summary>
internal static class QueriesModule
{
    public static IServiceCollection AddQueries(this IServiceCollection services) =>
        services
            .AddSingleton<FindCertificate>()
            .AddSingleton<CertificateReading>()
            .AddSingleton<CertificateRows>()
            .AddSingleton<ListCertificates>()
            .AddSingleton<ListAuditRecords>()
            .AddSingleton<ExportCa>()
            .AddSingleton<ExplainCertificate>();
}
