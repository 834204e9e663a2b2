using System.Net;
using System.Security.Cryptography;
using Amazon.Runtime;
using Overture.CertAuthority.PuppetApi;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// A proxy delivers the writes of an enrollment to a real bucket after the agent was told to come again (threats T93): one claim, one
/// certificate, whoever comes first.
/// </summary>
[Collection(RestartCollection.Name), Trait("Category", "integration")]
public sealed class LateWriteTests(CaFixture house) : IAsyncLifetime
{
    private readonly ECDsa key = CsrBuilder.EcKey();
    private MotoServer moto = null!;
    private HoldingProxy proxy = null!;
    private S3Store store = null!;
    private RunningCa ca = null!;

    public async Task InitializeAsync()
    {
        moto = await MotoServer.Start();
        proxy = await HoldingProxy.Start(moto.Endpoint);
        store = S3Store.At($"s3://{MotoServer.Bucket}", "",
            new S3Options { ServiceUrl = proxy.Endpoint.ToString(), Timeout = TimeSpan.FromSeconds(3) },
            new BasicAWSCredentials(moto.AccessKey, moto.SecretKey));
        ca = await RunningCa.Start(house, house.Options($"late-{FreePort.Next()}") with { Store = store });
    }

    public async Task DisposeAsync()
    {
        await ca.DisposeAsync();
        await proxy.DisposeAsync();
        await moto.DisposeAsync();
        key.Dispose();
    }

    [Theory]
    [InlineData("ca/keys/", false), InlineData("ca/keys/", true)]
    [InlineData("ca/claims/", false), InlineData("ca/claims/", true)]
    [InlineData("ca/certs/", false), InlineData("ca/certs/", true)]
    public async Task T93_WriteLandsLate_BeforeOrAfterTheAgentComesAgain_OneCertificate(string prefix, bool before)
    {
        var instance = await Launch();
        await Refused(instance, key, prefix);
        if (before)
            Assert.Equal(1, (await proxy.Release()).Count(status => status == 200));
        using (var healed = await ca.Put(instance, key))
            Assert.Equal(HttpStatusCode.OK, healed.StatusCode);
        var served = await ca.Certificate(instance.Name);
        Assert.All(await proxy.Release(), status => Assert.Equal(412, status));

        var claim = Assert.Single(await All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        var certificate = Assert.Single(await All<CertificateRecord>(ObjectKeys.Certificates),
            c => c.Certname == instance.Name.ToString());
        Assert.Equal((claim.Serial, served), (certificate.Serial, certificate.Pem));
        Assert.Equal(served, await ca.Certificate(instance.Name));
    }

    // The first key's claim was reported as failed; another key took the name; then the first one's arrives.
    [Fact]
    public async Task T93_ClaimLandsAfterAnotherKeysClaim_IsNoSecondOne()
    {
        var instance = await Launch();
        await Refused(instance, key, "ca/claims/");
        using var other = CsrBuilder.EcKey();
        using (var signed = await ca.Put(instance, other))
            Assert.Equal(HttpStatusCode.OK, signed.StatusCode);
        Assert.All(await proxy.Release(), status => Assert.Equal(412, status));
        Assert.Single(await All<Claim>(ObjectKeys.ClaimsOf(instance.Name)));
        Assert.Single(await All<CertificateRecord>(ObjectKeys.Certificates), c => c.Certname == instance.Name.ToString());
    }

    private async Task<Launched> Launch()
    {
        var instance = await house.Launch();
        var record = (await house.Store.Get(ObjectKeys.Launch(instance.Name), default))!;
        await store.PutIfAbsent(ObjectKeys.Launch(instance.Name), record.Body, default);
        return instance;
    }

    private async Task Refused(Launched instance, ECDsa with, string prefix)
    {
        proxy.Holds = (method, path) => method == "PUT" && path.Contains($"/{prefix}", StringComparison.Ordinal);
        using var failed = await ca.Put(instance, with);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, failed.StatusCode);
        Assert.InRange(proxy.Held, 1, 4);
        proxy.Holds = (_, _) => false;
    }

    private async Task<List<T>> All<T>(string prefix) where T : class, Google.Protobuf.IMessage, new()
    {
        var found = new List<T>();
        await foreach (var key in store.List(prefix, null, default))
            found.Add((await store.Get<T>(key, default))!);
        return found;
    }
}
