using Overture.Platform.Faults;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>A Conductor whose store.id is lost (or was never kept, before an upgrade) while the store is not mounted.</summary>
[Trait("Category", "integration")]
public sealed class LostStoreTests : IDisposable
{
    private readonly ConductorFixture world = new();

    private string Objects => world.Data.File("objects");

    public void Dispose() => world.Dispose();

    [Theory]
    [InlineData("state-1/puppet-host/current"), InlineData("state-1/reports/01-waiting"),
        InlineData("instances/web1.example.org/meta-data")]
    public async Task Point20_WorkedBeforeAndTheStoreIsEmpty_IsNotFoundedUnlessOnPurpose(string kept)
    {
        var file = world.Data.File(kept);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "x");

        var refused = await Assert.ThrowsAsync<FaultException>(Start);
        Assert.Contains($"{file} shows that this service has worked before", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Objects, "*", SearchOption.AllDirectories));

        File.WriteAllText(world.Data.File("state-1/store.id"), "new\n");
        await using var host = await Start();
        Assert.True(File.Exists(Path.Combine(Objects, "deployment/id")));
        // Once: the message is gone, and an emptied store is noticed again.
        await host.DisposeAsync();
        Directory.Delete(Objects, recursive: true);
        Assert.Contains("has no deployment/id", (await Assert.ThrowsAsync<FaultException>(Start)).Message, StringComparison.Ordinal);
    }

    private Task<ConductorHost> Start() =>
        ConductorHost.Start(world, null,
            o => o with { Local = new LocalOptions { Script = "/bin/true", Directory = world.Data.File("instances") } });
}
