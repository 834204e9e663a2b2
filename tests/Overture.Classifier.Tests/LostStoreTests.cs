using Grpc.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>A Classifier and a store that has no id: it gives it none, since an unmounted directory looks the same.</summary>
[Trait("Category", "integration")]
public sealed class LostStoreTests
{
    private readonly CertName node = TestIds.New().CertName();

    [Fact]
    public async Task Point20_StoreWithoutAnId_WaitsNotReadyUntilAnotherServiceWroteIt()
    {
        await using var host = await ClassifierHost.Start(founded: false);

        var health = await host.HealthReport();
        Assert.Equal(HealthStatus.Unhealthy, health.Status);
        Assert.Contains("has no deployment/id yet; CertAuthority or the Conductor writes it at its start. Next: ",
            health.Entries["store-id"].Description, StringComparison.Ordinal);
        Assert.Equal((StatusCode.Unavailable, "STORE_UNAVAILABLE"), await host.Refused(node));
        Assert.Empty(Directory.EnumerateFiles(host.Bucket, "*", SearchOption.AllDirectories));

        await FoundedStore.Found(host.Store);
        await host.Launched(node, "classes: [own]\n");

        // As soon as its own watch has looked and the store's promises held.
        await Eventually.True(async () => (await host.HealthReport()).Entries is var entries
            && entries["store-id"].Status == HealthStatus.Healthy
            && entries["store"].Status == HealthStatus.Healthy, "it is ready");
        Assert.Contains("own", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(host.State, StoreIdentity.FileName)));
    }

    // In a Deployment with an emptyDir the id goes with the pod: the next one waits, where it would have answered "unknown node" to
    // everybody.
    [Fact]
    public async Task Point20_IdForgottenWithThePodAndTheStoreUnmounted_Waits()
    {
        await using var host = await ClassifierHost.Start(founded: false);
        await FoundedStore.Found(host.Store);
        await host.Launched(node, "classes: [own]\n");
        await Eventually.True(async () => await host.Health() != HealthStatus.Unhealthy, "it is ready");
        await host.Classify(node);
        await host.Stop();
        File.Delete(Path.Combine(host.State, StoreIdentity.FileName));
        Directory.Move(host.Bucket, host.Bucket + ".away");
        Directory.CreateDirectory(host.Bucket);

        await host.Run();

        Assert.Equal(HealthStatus.Unhealthy, await host.Health());
        Assert.Equal((StatusCode.Unavailable, "STORE_UNAVAILABLE"), await host.Refused(node));
        Directory.Delete(host.Bucket, recursive: true);
        Directory.Move(host.Bucket + ".away", host.Bucket);
        Assert.Contains("own", (await host.Classify(node)).Yaml, StringComparison.Ordinal);
    }
}
