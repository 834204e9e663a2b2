using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(ConductorModule).Assembly, 
        "Api Workers", "Reconcile", "Retry", "Explain FirstBoot Reports Terminate Webhooks", "Console Events Launch", "Providers", "Instances",
        "Specs");

    [Fact]
    public void Rpcs_EachHaveOneClass_ThatNeedsFewThings() =>
        RpcClasses.Hold(ConductorService.Descriptor, typeof(ConductorService.ConductorServiceBase), typeof(ConductorModule).Assembly);
}
