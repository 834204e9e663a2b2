using Overture.Classifier.V1;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() =>
        Walls.Hold(typeof(ClassifierModule).Assembly, "Api", "Edits", "Puppetserver Terminus", "Classification", "Documents");

    [Fact]
    public void Rpcs_EachHaveOneClass_ThatNeedsFewThings() =>
        RpcClasses.Hold(ClassifierService.Descriptor, typeof(ClassifierService.ClassifierServiceBase), typeof(ClassifierModule).Assembly);
}
