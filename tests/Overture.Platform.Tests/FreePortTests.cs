using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Ports of tests: no two processes of a host share a range, also of two users.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void Claim_ItsFolderAndFile_AreForEveryUserAndHeld()
    {
        using var temp = new TempDirectory();
        var folder = temp.File("ports");
        var (first, held) = FreePort.Claim(folder);
        using (held)
        {
            Assert.Equal("1777", Mode(folder));
            Assert.Equal("666", Mode(Path.Combine(folder, $"{first}")));
            var (second, another) = FreePort.Claim(folder);
            using (another)
                Assert.NotEqual(first, second);
        }
    }

    // The folder's parent is everybody's: who runs the tests, perhaps root, must not be led elsewhere.
    [Fact]
    public void Claim_WhereItsFolderIsALink_TouchesNothing()
    {
        using var temp = new TempDirectory();
        var elsewhere = Directory.CreateDirectory(temp.File("elsewhere"), UnixFileMode.UserRead | UnixFileMode.UserWrite
            | UnixFileMode.UserExecute).FullName;
        Directory.CreateSymbolicLink(temp.File("ports"), elsewhere);
        Assert.Null(FreePort.Claim(temp.File("ports")).Lock);
        Assert.Equal("700", Mode(elsewhere));
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));
    }

    private static string Mode(string path) => Convert.ToString((int)File.GetUnixFileMode(path), 8);
}
