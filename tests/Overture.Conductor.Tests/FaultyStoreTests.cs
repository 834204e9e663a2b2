using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

[Trait("Category", "integration")]
public sealed class FaultyStoreTests
{
    [Fact]
    public async Task Arm_ServiceWritesByItselfFirst_FailsTheTestsOwnWrite()
    {
        using var world = new ConductorFixture();
        var store = new FaultyStore(world.OpenStore());
        store.Arm(1, after: false);
        string[] own = [ObjectKeys.EventBatch(1), ObjectKeys.EventCheckpoint(1), ObjectKeys.InstanceChunk("01", 0), ObjectKeys.Fence("a")];
        foreach (var key in own)
            await store.PutIfAbsent(key, ReadOnlyMemory<byte>.Empty, default);
        Assert.False(store.Struck);
        await Assert.ThrowsAsync<FaultException>(() => store.Delete(ObjectKeys.UserData + "a", default));
    }
}
