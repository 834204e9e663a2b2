using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class NodeTests(OvertureFixture overture)
{
    [Fact]
    public async Task Show_Known_HasDefinitionAndWhatTheEncPrints()
    {
        var output = (await overture.Run("node", "show", FakeClassifier.Known)).Exit(0).Output;
        Assert.Contains("classes: {login_allowed: {user: demo}}", output, StringComparison.Ordinal);
        Assert.Contains(FakeClassifier.Yaml, output, StringComparison.Ordinal);
        var answer = (await overture.Run("node", "show", FakeClassifier.Known, "-o", "json")).Exit(0).Json();
        Assert.Equal(("v1", FakeClassifier.Yaml), (answer["node"]!["etag"].Text(), answer["classification"]!["yaml"].Text()));
    }

    [Fact]
    public async Task Show_Blocked_ShowsTheDefinitionAndWhyItGetsNoAnswer()
    {
        var ran = (await overture.Run("node", "show", "blocked.example.com", "-o", "json")).Exit(0)
            .Says("overture-enc refuses this node: blocked.example.com is revoked (NODE_BLOCKED)");
        Assert.Null(ran.Json()["classification"]);
        Assert.Equal("v1", ran.Json()["node"]!["etag"].Text());
    }

    [Fact]
    public async Task Show_DefinitionAlone_IsFitForSet() =>
        Assert.Equal("classes: {login_allowed: {user: demo}}\n", (await overture.Run("node", "show", FakeClassifier.Known, "--definition"))
            .Exit(0).Output);

    [Fact]
    public async Task Show_Unknown_Is3() => (await overture.Run("node", "show", "unknown.example.com")).Exit(3)
        .Says("reason: NODE_UNKNOWN");

    [Fact]
    public async Task Set_FromStdin_ReplacesTheVersionItRead()
    {
        (await overture.Run(["node", "set", FakeClassifier.Known, "-f", "-", "--reason", "stdin"], [], "classes: {}\n")).Exit(0);
        var put = Assert.Single(overture.Classifier.Puts, p => p.Reason == "stdin");
        Assert.Equal(("classes: {}\n", "v1"), (put.Definition, put.Etag));
    }

    [Fact]
    public async Task Set_NewNode_IsCreated()
    {
        using var directory = new TempDirectory();
        await File.WriteAllTextAsync(directory.File("node.yaml"), "classes: {}\n");
        (await overture.Run("node", "set", "new.example.com", "-f", directory.File("node.yaml"), "--reason", "new")).Exit(0);
        Assert.Equal("", Assert.Single(overture.Classifier.Puts, p => p.Reason == "new").Etag);
    }

    [Fact]
    public async Task Set_OldEtag_IsAConflict() =>
        (await overture.Run(["node", "set", FakeClassifier.Known, "-f", "-", "--reason", "old", "--etag", "v0"], [], "classes: {}\n"))
            .Exit(6).Says("reason: ETAG_MISMATCH").Says("next: ");

    [Fact]
    public async Task Set_WithoutReasonOrFile_IsUsage()
    {
        (await overture.Run("node", "set", FakeClassifier.Known, "-f", "x")).Exit(2).Says("--reason");
        (await overture.Run("node", "set", FakeClassifier.Known, "-f", "/nonexistent", "--reason", "r")).Exit(2)
            .Says("there is no file /nonexistent");
    }
}
