using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class PkiTests(OvertureFixture overture)
{
    [Fact]
    public async Task PkiInit_Twice_WritesOnceAndPrivately()
    {
        using var home = new TempDirectory();
        var files = (await overture.Run("pki", "init", "--home", home.Path, "--host", "overture.example.com", "-o", "json")).Exit(0)
            .Json()["files"]!.AsArray().Select(f => f.Text()).ToList();
        Assert.Contains(home.File("pki/admin.key"), files);
        Assert.All(files.Where(f => f.EndsWith(".key", StringComparison.Ordinal)), f =>
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(f)));
        Assert.Contains("DNS:overture.example.com",
            (await Shell.Run("openssl", "x509", "-noout", "-text", "-in", home.File("pki/conductor.pem"))).Ok(), StringComparison.Ordinal);
        Assert.Empty((await overture.Run("pki", "init", "--home", home.Path, "-o", "json")).Exit(0).Says("nothing to do")
            .Json()["files"]!.AsArray());
    }

    [Fact]
    public async Task PkiInit_WrongHost_IsUsageAndWritesNothing()
    {
        using var home = new TempDirectory();
        (await overture.Run("pki", "init", "--home", home.File("new"), "--host", "a b")).Exit(2)
            .Says("'a b' is neither a DNS name nor an address");
        Assert.False(Directory.Exists(home.File("new")));
    }

    [Fact]
    public async Task PkiInit_HomeFromTheEnvironment_IsUsed()
    {
        using var home = new TempDirectory();
        (await overture.Run(["pki", "init"], new() { ["OVERTURE_HOME"] = home.File("a b") })).Exit(0);
        Assert.True(File.Exists(home.File("a b/pki/ca.pem")));
    }

    [Fact]
    public async Task CaInit_Twice_MakesOneCaThatOpensslAccepts()
    {
        using var home = new TempDirectory();
        Assert.Equal(5, (await overture.Run("ca", "init", "--home", home.Path, "--name", "test", "-o", "json")).Exit(0)
            .Json()["files"]!.AsArray().Count);
        Assert.Contains("Puppet CA: test", (await Shell.Run("openssl", "x509", "-noout", "-subject", "-in", home.File("ca/ca_crt.pem")))
            .Ok(), StringComparison.Ordinal);
        (await overture.Run("ca", "init", "--home", home.Path)).Exit(0).Says("nothing to do");
    }

    [Fact]
    public async Task CaInit_SomethingElseThere_IsAConflict()
    {
        using var home = new TempDirectory();
        Directory.CreateDirectory(home.File("ca"));
        await File.WriteAllTextAsync(home.File("ca/notes.txt"), "mine");
        (await overture.Run("ca", "init", "--home", home.Path)).Exit(6).Says("is not a complete CA");
        (await overture.Run("ca", "init", "--home", home.File("b"), "--name", "a/b")).Exit(2).Says("--name: ");
    }
}
