using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class ProfileTests(OvertureFixture overture)
{
    [Fact]
    public async Task List_GoodAndBad_ShowsBoth()
    {
        var lines = (await overture.Run("profile", "list")).Exit(0).Output.Split('\n');
        Assert.StartsWith("NAME  PROVIDER  IMAGE", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("1", lines[1], StringComparison.Ordinal);
        Assert.Equal("web", (await overture.Run("profile", "list", "-o", "json")).Exit(0).Json()["profiles"]![1]!["name"].Text());
    }

    [Fact]
    public async Task Show_Document_IsFitForPutAndItsProblemsAreTalk()
    {
        Assert.Equal("provider: local\n", (await overture.Run("profile", "show", "web")).Exit(0).Output);
        Assert.Equal("imgae: host\n", (await overture.Run("profile", "show", "bad")).Exit(0).Says("bad:1: imgae is unknown").Output);
        Assert.Equal("v1", (await overture.Run("profile", "show", "web", "-o", "json")).Exit(0).Json()["profile"]!["etag"].Text());
        (await overture.Run("profile", "show", "none")).Exit(3).Says("no profile none");
    }

    [Fact]
    public async Task Validate_File_PrintsEachRuleByLine()
    {
        using var directory = new TempDirectory();
        var file = directory.File("web.yaml");
        await File.WriteAllTextAsync(file, "provider: local\nimgae: host\n");
        var ran = (await overture.Run("profile", "validate", file)).Exit(2);
        var lines = ran.Output.Split('\n');
        Assert.Equal($"{file}:2: imgae is unknown", lines[0]);
        Assert.StartsWith($"{file}: puppet.server must be", lines[1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', ran.Output);
        Assert.Equal("imgae", (await overture.Run("profile", "validate", file, "-o", "json")).Exit(2)
            .Json()["problems"]![0]!["field"].Text());
        Assert.Equal("", (await overture.Run(["profile", "validate", "-"], [], "provider: local\n")).Exit(0).Output);
        (await overture.Run("profile", "validate", "/nonexistent")).Exit(2).Says("there is no file /nonexistent");
    }

    [Fact]
    public async Task Put_KnownNewAndOld_CarriesTheVersionSeen()
    {
        (await overture.Run(["profile", "put", "web", "-f", "-"], [], "image: a\n")).Exit(0);
        (await overture.Run(["profile", "put", "new", "-f", "-"], [], "image: b\n")).Exit(0);
        (await overture.Run(["profile", "put", "web", "-f", "-", "--etag", "v0"], [], "image: c\n")).Exit(6).Says("reason: ETAG_MISMATCH")
            .Says("next: ");
        Assert.Equal([("web", "v1", "image: a\n"), ("new", "", "image: b\n"), ("web", "v0", "image: c\n")],
            overture.Conductor.ProfilePuts.Select(p => (p.Name, p.Etag, p.Document)));
        (await overture.Run("profile", "put", "web")).Exit(2).Says("-f");
    }

    [Fact]
    public async Task Launch_DryRun_PrintsAndLaunchesNothing()
    {
        var before = overture.Conductor.Launches.Count;
        Assert.Equal("#cloud-config\n# ********\n", (await overture.Run("launch", "--profile", "web", "--dry-run")).Exit(1)
            .Says("77 bytes of user data; nothing was launched").Output);
        (await overture.Run("launch", "--profile", "web", "--dry-run")).Exit(1).Says("launch it? no: not");
        var file = RepositoryPaths.File("examples/start_instance.yaml");
        Assert.Equal("host", (await overture.Run("launch", "-c", file, "--dry-run", "-o", "json")).Exit(0).Json()["spec"]!["image"].Text());
        Assert.Equal(before, overture.Conductor.Launches.Count);
    }
}
