using Xunit.Abstractions;

namespace Overture.Tests;

/// <summary>
/// Collections that several classes share take long, and the one of ./run longest: they start first, so that none of them is alone at the
/// end. xunit's own order is another at each run.
/// </summary>
public sealed class LongCollectionsFirst : ITestCollectionOrderer
{
    // Null, of a class by itself, is less than false.
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) => testCollections
        .OrderByDescending(c => c.CollectionDefinition?.Name.EndsWith(".StackCollection", StringComparison.Ordinal));
}
