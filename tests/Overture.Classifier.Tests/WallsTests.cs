using Overture.TestSupport;

namespace Overture.Classifier.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() =>
        Walls.Hold(typeof(ClassifierModule).Assembly, "Edits", "Puppetserver Terminus", "Classification", "Documents");
}
