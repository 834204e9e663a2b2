using System.Net;
using System.Security.Cryptography;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Threats §2.3 A: what guesses leave in memory; alone, since it is measured of the whole process.</summary>
[Collection(MeasuredMemory.Name), Trait("Category", "integration")]
public sealed class ThreatsAMemory(CaFixture house) : IClassFixture<CaFixture>
{
    [Fact]
    public async Task T01_RandomNamesAndTokens_LeaveNoMemory()
    {
        var names = Full.Length(200, 10_000);
        await using var patient = await house.StartUnlimited("t01");
        using var key = CsrBuilder.EcKey();
        // What the first of a kind needs, the service keeps.
        for (var i = 0; i < 20; i++)
            await Guess(patient, key, i);
        var (heap, most) = (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet / 20 + (names * 4096L));
        for (var i = 0; i < names; i++)
            await Guess(patient, key, i);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - heap, long.MinValue, most);
    }

    private async Task Guess(RunningCa at, ECDsa key, int number)
    {
        var name = house.NewName();
        using var answer = await at.Put(
            $"{name}", new CsrBuilder($"{name}", key).Challenge(EnrollmentToken.Derive("a guess"u8, $"{number}", name)).Pem());
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }
}
