using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Ports of tests: ranges are told apart between all users of a host.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void Next_ItsFolderAndFiles_AreForEveryUser()
    {
        FreePort.Next();
        var folder = Path.Combine(Path.GetTempPath(), "overture-test-ports");
        Assert.Equal("1777", Convert.ToString((int)File.GetUnixFileMode(folder), 8));
        // At least that of this process's own range.
        Assert.Contains(Directory.EnumerateFiles(folder), f => Convert.ToString((int)File.GetUnixFileMode(f), 8) == "666");
    }
}
