using System.Security.Cryptography;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>A house of their own for tests of the audit log: what is damaged there must not trouble others.</summary>
public abstract class AuditHouse : IAsyncLifetime
{
    private protected readonly CaFixture house = new();
    private protected readonly ECDsa key = CsrBuilder.EcKey();
    private protected RunningCa ca = null!;

    public async Task InitializeAsync()
    {
        await house.InitializeAsync();
        ca = house.Ca;
    }

    public async Task DisposeAsync()
    {
        key.Dispose();
        await house.DisposeAsync();
    }
}
