namespace Overture.CertAuthority.Revocation;

/// <summary>From a revocation to the CRL that says so.</summary>
internal static class RevocationModule
{
    public static IServiceCollection AddRevocation(this IServiceCollection services) =>
        services
            .AddSingleton<ParentCrls>()
            .AddSingleton<CarriedRevocations>()
            .AddSingleton<RevokeSerial>()
            .AddSingleton<RevokeUnclaimed>()
            .AddSingleton<PublishCrl>()
            .AddSingleton<PublishInternalCrl>()
            .AddSingleton<RevokeName>()
            .AddSingleton<RevokeCommonName>()
            .AddSingleton<RevokeTerminatedName>()
            .AddSingleton<Quarantine>();
}
