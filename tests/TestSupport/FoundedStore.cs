using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.TestSupport;

/// <summary>What CertAuthority or the Conductor does to an empty store, for tests that start a Classifier alone.</summary>
public static class FoundedStore
{
    public static Task Found(ObjectStore store) => store.PutIfAbsent(ObjectKeys.StoreId,
        new StoreId { Schema = 1, WriteId = "test", Id = TestIds.New().Unguessable() }, default);
}
