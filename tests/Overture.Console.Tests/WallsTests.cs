using Overture.TestSupport;

namespace Overture.Console.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(ConsoleHost).Assembly,
        "Entry Fleet Instances Launch Requests Certificates Lists", "Definitions", "Layout", "Services", "Sessions");
}
