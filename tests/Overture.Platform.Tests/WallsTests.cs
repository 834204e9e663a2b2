using Overture.Platform.Serving;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(Drain).Assembly, 
        "Rpc", "Serving", "Options PuppetHost", "Objects Registry", "Tls", "Connections", "Certificates Records", "Faults Telemetry");
}
