using Grpc.Core;
using Overture.Conductor.Specs;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Serving;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What is no node's: the name of an administrator, and the keys of the internal PKI.</summary>
public sealed class ReservedNameTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        store = new FaultyStore(world.OpenStore());
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Register_NameThatHoldsAnAdministratorsCertificate_IsRefusedBeforeAnythingIsWritten()
    {
        var name = CertName.Parse("ops.example.com");
        await store.PutIfAbsent(ObjectKeys.Claim(name, "admin-0193"), new Claim { Schema = 1, Certname = $"{name}", Claim_ = "admin-0193" },
            default);
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await host.As("operator")
            .RegisterInstanceAsync(new() { RequestId = "ops", Certname = $"{name}", Spec = ConductorFixture.Spec() }));
        Assert.Equal((StatusCode.FailedPrecondition, "NAME_TAKEN"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.False(await store.Any("requests/", default));
        Assert.Null(await store.Get(ObjectKeys.Launch(name), default));
        Assert.Null(await store.Get(ObjectKeys.Node(name), default));
    }

    [Fact]
    public async Task Start_KeysOfTheInternalPki_AreWrittenDownForCertAuthority()
    {
        await host.Get<ServiceKeys>().Flush(default);
        using var own = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(
            await File.ReadAllTextAsync(host.Options.Tls.Certificate));
        var spki = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(own.PublicKey.ExportSubjectPublicKeyInfo()));
        Assert.Equal("conductor", (await store.Get<ServiceKey>(ObjectKeys.ServiceKey(spki), default))!.Holder);
    }
}
