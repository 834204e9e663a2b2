using Overture.Cli.Tests.Fakes;
using Overture.TestSupport;

namespace Overture.Cli.Tests;

/// <summary>node explain, check, history, diff, rollback, and layers: what is asked of Classifier, and what is printed.</summary>
[Collection(OvertureCollection.Name)]
[Trait("Category", "integration")]
public sealed class LayersTests(OvertureFixture overture)
{
    [Fact]
    public async Task Explain_Value_HasItsLayerVersionAuthorAndWhatItLiesOver()
    {
        var lines = (await overture.Run("node", "explain", FakeClassifier.Known)).Exit(0)
            .Says("warning: an edit in the bucket is not served").Output.Split('\n');
        Assert.Matches("^PATH +VALUE +LAYER +DOCUMENT +VERSION +AUTHOR$", lines[0]);
        Assert.Matches($"^parameters.site +\"shop\" +node +nodes/{FakeClassifier.Known} +0123456789ab +ops$", lines[1]);
        Assert.Matches("^  instead of +\"none\" +defaults +classification/layers +v7$", lines[2]);
        var json = (await overture.Run("node", "explain", FakeClassifier.Known, "-o", "json")).Exit(0).Json();
        Assert.Equal("none", json["values"]![0]!["shadowed"]![0]!["value"].Text());
    }

    [Fact]
    public async Task Check_Node_TellsEachProblemWithItsLayerAndIsOne()
    {
        var lines = (await overture.Run("node", "check", FakeClassifier.Known)).Exit(1).Output.Split('\n');
        Assert.Matches("^PATH +LAYER +DOCUMENT +PROBLEM$", lines[0]);
        Assert.Matches("^classes.npt +group web +classification/layers +is not a class in the environment staging; is ntp meant\\?$",
            lines[1]);
        Assert.Equal("classes.npt", (await overture.Run("node", "check", FakeClassifier.Known, "-o", "json")).Exit(1)
            .Json()["problems"]![0]!["path"].Text());
        Assert.Equal("", (await overture.Run("node", "check", "good.example.com")).Exit(0)
            .Says("the puppetserver has all of it, in the environment staging").Output);
    }

    [Fact]
    public async Task CheckAndExplain_SiteManifestWithoutANodeStatementForIt_SayTheCure()
    {
        const string name = "nodeless.example.com";
        (await overture.Run("node", "check", name)).Exit(0);
        overture.Conductor.Add(name).Conditions.Add(new Overture.Conductor.V1.Condition
        {
            Type = Overture.Conductor.V1.ConditionType.RunFailed,
            Message = "The Puppet run failed: Server Error: Could not find node statement with name 'default' or 'nodeless.example.com'.",
        });
        var problem = (await overture.Run("node", "check", name, "-o", "json")).Exit(1).Json()["problems"]![0]!;
        Assert.Equal("environment", problem["path"].Text());
        Assert.Contains("Add `node default {}` to the site manifest", problem["rule"].Text(), StringComparison.Ordinal);
        (await overture.Run("node", "explain", name)).Exit(0).Says("warning: the site manifest has node statements")
            .Says("node default {}");
    }

    [Fact]
    public async Task Set_CheckPuppetserver_IsAskedForAndARefusalSaysWhatNext()
    {
        (await overture.Run(["node", "set", "away.example.com", "-f", "-", "--reason", "c", "--check-puppetserver"], [], "{}\n")).Exit(5)
            .Says("reason: PUPPETSERVER_UNAVAILABLE").Says("next: repair that, or leave out the comparison with the puppetserver");
        (await overture.Run(["node", "set", "npt.example.com", "-f", "-", "--reason", "c", "--check-puppetserver"], [], "{}\n")).Exit(2)
            .Says("reason: PUPPET_CODE_MISSING").Says("next: correct it, or deploy the code first");
        (await overture.Run(["node", "set", "away.example.com", "-f", "-", "--reason", "c"], [], "{}\n")).Exit(0);
        (await overture.Run(["layers", "set", "-f", "-", "--check", "--check-puppetserver"], [], "defaults: {}\n# compared\n")).Exit(0);
        Assert.True(Assert.Single(overture.Classifier.LayerPuts, p => p.Document.EndsWith("# compared\n", StringComparison.Ordinal))
            is { ValidateOnly: true, CheckPuppetserver: true });
    }

    [Fact]
    public async Task History_AllPages_NewestFirst()
    {
        var ran = (await overture.Run("node", "history", FakeClassifier.Known)).Exit(0);
        Assert.Equal(["v30", "v20", "v10"], ran.Output.Split('\n').Skip(1).Where(l => l.Length > 0)
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]));
        Assert.Equal(3, (await overture.Run("layers", "history", "-o", "json")).Exit(0).Json()["entries"]!.AsArray().Count);
    }

    [Fact]
    public async Task Diff_OfTwoVersions_IsUnifiedAndExitsOneWhereTheyDiffer()
    {
        var ran = (await overture.Run("node", "diff", FakeClassifier.Known, "v10", "v20")).Exit(1);
        Assert.EndsWith("@@ -1,2 +1,2 @@\n-classes: [a]\n+classes: [b]\n environment: one\n", ran.Output, StringComparison.Ordinal);
        (await overture.Run("node", "diff", FakeClassifier.Known, "v10", "v10")).Exit(0);
        // Without versions: what is stored, against the one before it that is another.
        Assert.Contains("-environment: one\n", (await overture.Run("node", "diff", FakeClassifier.Known)).Exit(1).Output,
            StringComparison.Ordinal);
        (await overture.Run("node", "diff", FakeClassifier.Known, "v99")).Exit(3).Says("no version v99");
        (await overture.Run("node", "diff", FakeClassifier.Known, "v")).Exit(2).Says("begins 3 versions");
    }

    [Fact]
    public async Task Rollback_ToAVersion_PutsItsDocumentOverTheStoredOne()
    {
        (await overture.Run("node", "rollback", FakeClassifier.Known, "v10", "--reason", "it broke")).Exit(0);
        var put = Assert.Single(overture.Classifier.Puts, p => p.Reason == "it broke");
        Assert.Equal(("classes: [a]\nenvironment: one\n", "v1"), (put.Definition, put.Etag));
        (await overture.Run("node", "rollback", FakeClassifier.Known, "0190a1b2-0000-7000-8000-000000000001")).Exit(0);
        Assert.Contains(overture.Classifier.Puts, p => p.Reason == "rollback to 0190a1b2-0000-7000-8000-000000000001");
    }

    [Fact]
    public async Task Layers_ShowAndSet_ReplaceTheVersionThatWasRead()
    {
        Assert.Equal("defaults: {classes: [base]}\n", (await overture.Run("layers", "show")).Exit(0).Output);
        (await overture.Run(["layers", "set", "-f", "-", "--reason", "more"], [], "defaults: {}\n")).Exit(0);
        var put = Assert.Single(overture.Classifier.LayerPuts, p => p.Reason == "more");
        Assert.Equal(("defaults: {}\n", "l1", false), (put.Document, put.Etag, put.ValidateOnly));
    }

    [Fact]
    public async Task Layers_Check_WritesNothingAndNamesTheField()
    {
        (await overture.Run(["layers", "set", "-f", "-", "--check"], [], "defaults: {}\n")).Exit(0).Says("valid");
        (await overture.Run(["layers", "set", "-f", "-", "--check"], [], "wrong\n")).Exit(2)
            .Says("error: groups.b.parameters.a: contradicts group a");
        Assert.All(overture.Classifier.LayerPuts.Where(p => p.Reason.Length == 0), p => Assert.True(p.ValidateOnly));
        (await overture.Run(["layers", "set", "-f", "-"], [], "defaults: {}\n")).Exit(2).Says("give --reason TEXT, or --check");
    }
}
