using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What CertAuthority is answered when it asks over the change feed whether an instance runs.</summary>
[Trait("Category", "integration")]
public sealed class ObserverTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private readonly FakeProvider provider = new();
    private RedisServer redis = null!;
    private ConductorHost host = null!;
    private ObjectStore store = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        store = world.OpenStore();
        host = await ConductorHost.Start(world, new() { Provider = provider, Redis = redis.Endpoint });
        await Eventually.True(() => host.Get<RegistryConnection>().Healthy, "the registry is connected");
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Asked_RunningThenGone_SignsWhatTheProviderSaysEachTime()
    {
        var launched = await host.As("operator")
            .LaunchInstancesAsync(new() { Spec = ConductorFixture.Spec(s => s.Attestation = Attestation.Provider) });
        var name = CertName.Parse(launched.Results[0].Instance.Certname);

        var running = await Ask(name, o => o.State == Sighting.Running);
        await provider.Stop(name, "", default, default);
        var gone = await Ask(name, o => o.State == Sighting.Gone.State);

        Assert.Equal(["127.0.0.1"], running.Addresses);
        Assert.Equal(("fake-account", "local"), (running.Account, running.Provider));
        Assert.Empty(gone.Addresses);
        Assert.True(gone.At.ToDateTimeOffset() >= running.At.ToDateTimeOffset());
    }

    [Fact]
    public async Task Register_WithAttestationByProvider_IsRefusedByName()
    {
        var fault = await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () =>
            await host.As("operator")
                .RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(s => s.Attestation = Attestation.Provider) }));
        Assert.Equal("spec.attestation", Assert.Single(RpcDetails.Of(fault).Unpack<Google.Rpc.BadRequest>()!.FieldViolations).Field);
    }

    [Fact]
    public async Task Register_UnderTheHostsOwnName_IsThatHostsAloneAndIdempotent()
    {
        var client = host.As("operator");
        var request = new RegisterInstanceRequest { Spec = ConductorFixture.Spec(), Certname = "db1.example.com", RequestId = "one" };
        var first = await client.RegisterInstanceAsync(request);
        var again = await client.RegisterInstanceAsync(request);

        Assert.Equal(("db1.example.com", first.Token), (first.Instance.Certname, again.Token));
        Assert.Contains("db1.example.com", first.UserData, StringComparison.Ordinal);
        var other = await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () =>
            await client.RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(), Certname = "db1.example.com", RequestId = "two" }));
        Assert.Equal("ALREADY_EXISTS", RpcDetails.Reason(other));
        foreach (var wrong in new[] { "Db1.example.com", "ca", "certauthority-1", "a..b", "3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab" })
        {
            var refused = await Assert.ThrowsAsync<Grpc.Core.RpcException>(async () =>
                await client.RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec(), Certname = wrong }));
            Assert.Equal("certname", Assert.Single(RpcDetails.Of(refused).Unpack<Google.Rpc.BadRequest>()!.FieldViolations).Field);
        }
    }

    private async Task<Observation> Ask(CertName name, Func<Observation, bool> wanted)
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        key.ImportFromPem(await File.ReadAllTextAsync(world.Pki.LaunchSigningKey));
        var verifier = new LaunchVerifier([key]);
        return await Eventually.Get(async () =>
        {
            host.Get<Timeline>().Announce(name, "observe");
            return await store.Get<SignedObservation>(ObjectKeys.Observation(name), default) is { } signed
                && verifier.Verify(signed, name) is { } seen && wanted(seen) ? seen : null;
        }, "the Conductor says what it sees");
    }
}
