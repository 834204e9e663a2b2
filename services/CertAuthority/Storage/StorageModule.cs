namespace Overture.CertAuthority.Storage;

/// <summary>Stores of records, and what this replica remembers beside them.</summary>
internal static class StorageModule
{
    public static IServiceCollection AddStorage(this IServiceCollection services) =>
        services
            .AddSingleton<RecordMac>()
            .AddSingleton<SpentNames>()
            .AddSingleton<KeptCrl>()
            .AddSingleton<ClaimStore>()
            .AddSingleton<BlockStore>()
            .AddSingleton<KeyBlocks>()
            .AddSingleton<RevocationStore>()
            .AddSingleton<EnrollmentContextReader>();
}
