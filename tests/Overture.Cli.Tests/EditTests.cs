using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>
/// Two operators and one document: what an edit writes over, what it refuses to, and how to get back what was replaced. And texts that are
/// none.
/// </summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class EditTests(OvertureFixture overture)
{
    [Fact]
    public async Task Edit_Node_IsPutOverTheVersionThatWasRead()
    {
        var ran = (await Edit("sed -i s/demo/ops/", "node", "edit", FakeClassifier.Versioned, "--reason", "edit 1")).Exit(0);
        var put = Assert.Single(overture.Classifier.Puts, p => p.Reason == "edit 1");
        Assert.Equal(("classes: {login_allowed: {user: ops}}\n", "v30"), (put.Definition, put.Etag));
        ran.Says("replaced version v30 of 1970-01-01T00:00:00.000Z, by ops")
            .Says($"to get it back: overture node rollback {FakeClassifier.Versioned} 0190a1b2-0000-7000-8000-000000000003");
    }

    [Fact]
    public async Task Edit_NothingChanged_WritesNothing()
    {
        (await Edit("true", "node", "edit", FakeClassifier.Versioned, "--reason", "edit 2")).Exit(0).Says("unchanged: nothing was written");
        (await Edit("false", "node", "edit", FakeClassifier.Versioned, "--reason", "edit 2")).Exit(1).Says("the editor false ended with 1")
            .Says("nothing was written");
        Assert.DoesNotContain(overture.Classifier.Puts, p => p.Reason == "edit 2");
    }

    [Fact]
    public async Task Edit_AnotherOperatorWasFirst_KeepsTheTextAndShowsTheDifference()
    {
        var ran = (await Edit("sed -i s/demo/ops/", "node", "edit", $"{FakeClassifier.Raced}1.example.com", "--reason", "edit 3")).Exit(6);
        ran.Says("reason: ETAG_MISMATCH").Says("+environment: theirs").Says("--etag 'v1'");
        var file = System.Text.RegularExpressions.Regex.Match(ran.Errors, "your text is in (\\S+)").Groups[1].Value;
        Assert.Equal("classes: {login_allowed: {user: ops}}\n", await File.ReadAllTextAsync(file));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task Edit_AnotherOperatorWasFirst_GoesOnOverTheNewVersionWhereAskedTo()
    {
        var command =
            $"OVERTURE_HOME={overture.Pki.Home} EDITOR='sed -i s/demo/ops/' {OvertureFixture.Binary} node edit "
                + $"{FakeClassifier.Raced}2.example.com --reason 'edit 4'";
        (await Shell.Run("script", ["-qec", command, "/dev/null"], null, "y\n")).Exit(0);
        Assert.Equal(["v0", "v1"], overture.Classifier.Puts.Where(p => p.Reason == "edit 4").Select(p => p.Etag));
    }

    [Fact]
    public async Task Edit_LayersAndProfile_ArePutOverTheVersionThatWasRead()
    {
        (await Edit("sed -i s/base/more/", "layers", "edit", "--reason", "edit 5")).Exit(0);
        Assert.Equal(("defaults: {classes: [more]}\n", "l1"),
            Assert.Single(overture.Classifier.LayerPuts, p => p.Reason == "edit 5") is var l ? (l.Document, l.Etag) : default);
        (await Edit("sed -i s/local/edited/", "profile", "edit", "web")).Exit(0);
        Assert.Equal("v1", Assert.Single(overture.Conductor.ProfilePuts, p => p.Document == "provider: edited\n").Etag);
    }

    [Fact]
    public async Task Set_OverAStoredVersion_SaysWhatItReplacedAndHowToGetItBack()
    {
        (await Input("classes: {}\n", "node", "set", FakeClassifier.Versioned, "-f", "-", "--reason", "set 1")).Exit(0)
            .Says("replaced version v30 of 1970-01-01T00:00:00.000Z, by ops")
                .Says($"overture node rollback {FakeClassifier.Versioned} 0190a1b2-0000-7000-8000-000000000003");
        // No history has these: they are kept in files.
        var node = (await Input("classes: {}\n", "node", "set", FakeClassifier.Known, "-f", "-", "--reason", "set 2")).Exit(0)
            .Says("replaced version v1").Errors;
        var layers = (await Input("defaults: {}\n", "layers", "set", "-f", "-", "--reason", "set 3")).Exit(0)
            .Says("replaced version l1").Errors;
        var profile = (await Input("image: set4\n", "profile", "put", "web", "-f", "-")).Exit(0).Says("replaced version v1").Errors;
        foreach (var (said, was) in new[] { (node, "classes: {login_allowed: {user: demo}}\n"), (layers, "defaults: {classes: [base]}\n"),
            (profile, "provider: local\n") })
        {
            Assert.Equal(was, await File.ReadAllTextAsync(
                System.Text.RegularExpressions.Regex.Match(said, "to get it back: overture .* -f (\\S+)").Groups[1].Value));
        }
        // What was not there was not replaced.
        Assert.DoesNotContain("replaced", (await Input("classes: {}\n", "node", "set", "new.example.com", "-f", "-", "--reason", "set 5"))
            .Exit(0).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rollback_OfLayers_PutsTheVersionOverTheStoredOne()
    {
        (await overture.Run("layers", "rollback", "v10", "--reason", "back")).Exit(0).Says("replaced version l1");
        Assert.Equal(("classes: [a]\nenvironment: one\n", "l1"),
            Assert.Single(overture.Classifier.LayerPuts, p => p.Reason == "back") is var l ? (l.Document, l.Etag) : default);
    }

    [Fact]
    public async Task Set_DoubtfulWords_AreSavedWithAWarningByLine() =>
        (await Input("parameters:\n  hostname: db7\nclasses: {ssh: {root: no}}\n", "node", "set", FakeClassifier.Known, "-f", "-",
            "--reason", "doubt")).Exit(0)
            .Says("warning: -:2: parameters.hostname has the name of a fact")
                .Says("warning: -:3: classes.ssh.root is the text \"no\" to Puppet");

    [Fact]
    public async Task Launch_DoubtfulWordsAndRefusedNames_HaveTheLineOfTheFile()
    {
        using var directory = new TempDirectory();
        var file = directory.File("web.yaml");
        var start = await File.ReadAllTextAsync(RepositoryPaths.File("examples/start_instance.yaml"));
        var without = string.Join('\n', start.Split('\n').TakeWhile(l => !l.StartsWith("node:", StringComparison.Ordinal)));
        var line = without.Split('\n').Length;
        await File.WriteAllTextAsync(file, $"{without}\nnode:\n  classes:\n    ssh: {{v: off}}\n    probe:\n      title: x\n");
        (await overture.Run("launch", "-c", file)).Exit(2).Says($"warning: {file}:{line + 3}: node.classes.ssh.v is the text \"off\"")
            .Says($"spec.node.classes.probe.title: is a name Puppet keeps for itself ({file}:{line + 5})");
    }

    [Theory]
    [InlineData("printf 'classes:\\n  a: {v: \"K\\370\"}\\n' | \"$0\" node set x.example.com -f - --reason r", "-:2: is not UTF-8 (0xF8)")]
    [InlineData("printf 'classes:\\n  a: {v: \"K\\370\"}\\n' > f; \"$0\" node set x.example.com -f f --reason r",
        "f:2: is not UTF-8 (0xF8)")]
    [InlineData("printf 'image: \\344\\n' > f; \"$0\" launch -c f", "f:1: is not UTF-8 (0xE4)")]
    [InlineData("printf 'image: \\344\\n' | \"$0\" profile put lat -f -", "-:1: is not UTF-8 (0xE4)")]
    [InlineData("printf '\\377\\376a\\0' | \"$0\" layers set -f - --reason r", "-:1: is UTF-16")]
    [InlineData("printf 'conductor: \\344\\n' > f; \"$0\" node show x.example.com --config f", "f:1: is not UTF-8 (0xE4)")]
    [InlineData("\"$0\" node set x.example.com -f /dev/null --reason \"$(printf 'caf\\351')\"", "is not UTF-8")]
    [InlineData("\"$0\" node show latin.example.com --definition", "the stored definition is not UTF-8 (0xE9) (line 2, byte 4)")]
    [InlineData("EDITOR=true \"$0\" node edit latin.example.com", "what is stored is not UTF-8 (0xE9) (line 2, byte 4)")]
    public async Task AnyText_InLatin1_IsRefusedByLineAndNeverSent(string script, string said)
    {
        using var directory = new TempDirectory();
        var (puts, layers) = (overture.Classifier.Puts.Count, overture.Classifier.LayerPuts.Count);
        var ran = await Shell.Run("sh", ["-c", script, OvertureFixture.Binary],
            new Dictionary<string, string?> { ["OVERTURE_HOME"] = overture.Pki.Home, ["LC_ALL"] = "C.UTF-8" }, directory: directory.Path);
        Assert.Contains(ran.ExitCode, (int[])[2, 78]);
        Assert.Contains(said, ran.Errors, StringComparison.Ordinal);
        Assert.Equal((puts, layers), (overture.Classifier.Puts.Count, overture.Classifier.LayerPuts.Count));
    }

    [Fact]
    public async Task Set_WithAByteOrderMark_IsSentWithoutIt()
    {
        (await Input("\uFEFFclasses: {}\n", "node", "set", FakeClassifier.Known, "-f", "-", "--reason", "mark")).Exit(0);
        Assert.Equal("classes: {}\n", Assert.Single(overture.Classifier.Puts, p => p.Reason == "mark").Definition);
    }

    private Task<Ran> Input(string text, params string[] arguments) => overture.Run(arguments, [], text);

    private Task<Ran> Edit(string editor, params string[] arguments) => overture.Run(arguments,
        new Dictionary<string, string?> { ["VISUAL"] = null, ["EDITOR"] = editor });
}
