using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A CertAuthority that never hears a word of the change feed: there is no registry at all. Alone with its bucket, since any other would
/// hear for it.
/// </summary>
[Trait("Category", "integration")]
public sealed class DeafTests : IAsyncLifetime
{
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    [Fact]
    public async Task Held_WhoseRegistrationLandsWithoutAWord_IsSignedByTheNextLook()
    {
        const string host = "unheard.example.org";
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var ca = await RunningCa.Start(
            house, house.Options("deaf") with { Registry = new() { Endpoint = "127.0.0.1:9" }, Clock = clock, Deaf = true });
        // The agent is there before its registration, with the right token.
        using var key = CsrBuilder.EcKey();
        var launched = await house.Launch(certname: host);
        var registration = (await house.Store.Get(ObjectKeys.Launch(launched.Name), default))!;
        await house.Store.Delete(ObjectKeys.Launch(launched.Name), default);
        (await ca.Put(launched, key)).EnsureSuccessStatusCode();
        Assert.Single(await house.Keys(ObjectKeys.HeldRequestsOf(launched.Name)));

        await house.Store.PutIfAbsent(ObjectKeys.Launch(launched.Name), (ReadOnlyMemory<byte>)registration.Body, default);
        Assert.Null(await ca.Certificate(launched.Name));
        clock.Advance(TimeSpan.FromSeconds(30));

        await Eventually.True(async () => (await house.Keys(ObjectKeys.HeldRequestsOf(launched.Name))).Count == 0, "it waits no more");
        using var certificate = X509Certificate2.CreateFromPem(await ca.Certificate(launched.Name));
        Assert.Equal($"CN={host}", certificate.Subject);
    }
}
