using Overture.TestSupport;

namespace Overture.Conductor.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(ConductorModule).Assembly, 
        "Workers", "Reconcile", "Retry", "Explain FirstBoot Reports Terminate Webhooks", "Console Events Launch", "Providers", "Instances",
        "Specs");
}
