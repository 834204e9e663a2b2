using Overture.Classifier.Documents;
using Overture.Platform.Faults;

namespace Overture.Classifier.Tests;

public sealed class LayersDocumentTests
{
    [Fact]
    public void Parse_Example_IsValid()
    {
        var layers = LayersDocument.Parse(
            File.ReadAllText(Path.Combine(Overture.TestSupport.RepositoryPaths.Root, "examples/layers.yaml")));
        Assert.Equal(["shop", "named-web"], layers.Groups.Select(g => g.Name));
        Assert.Equal("example", layers.Defaults!.Parameters["site"]);
    }

    [Theory]
    [InlineData("default: {}", "default", "is unknown; is defaults meant?")]
    [InlineData("groups: [{name: a, match: {label: {}}}]", "groups.a.match.label", "is unknown; is labels meant?")]
    [InlineData("groups: [{name: a, mtach: {}}]", "groups.a.mtach", "is unknown; is match meant?")]
    [InlineData("groups: [{name: a, clases: {}}]", "groups.a.clases", "is unknown; is classes meant?")]
    [InlineData("groups: [{name: a, match: {host: x}}]", "groups.a.match.host", "is unknown; a rule has certname, profile and labels")]
    public void Parse_UnknownKey_NamesTheOneThatWasMeant(string yaml, string field, string rule) => Assert.Contains(
        Assert.Throws<FaultException>(() => LayersDocument.Parse(yaml)).Fields,
        p => p.Field == field && p.Rule.StartsWith(rule, StringComparison.Ordinal));

    [Theory]
    [InlineData("[]", "document")]
    [InlineData("other: 1", "other")]
    [InlineData("groups: {}", "groups")]
    [InlineData("groups: [{rank: 1}]", "groups[0]")]
    [InlineData("groups: [{name: a, rank: -1}]", "groups.a.rank")]
    [InlineData("groups: [{name: a, rank: ten}]", "groups.a.rank")]
    [InlineData("groups: [{name: a, match: {host: x}}]", "groups.a.match.host")]
    [InlineData("groups: [{name: a, match: {certname: []}}]", "groups.a.match.certname")]
    [InlineData("groups: [{name: a, match: {labels: {tier: 1}}}]", "groups.a.match.labels.tier")]
    [InlineData("groups: [{name: a, match: {labels: x}}]", "groups.a.match.labels")]
    [InlineData("groups: [{name: a, classes: {'A': }}]", "groups.a.classes.A")]
    [InlineData("groups: [{name: a, profile: web}]", "groups.a.profile")]
    [InlineData("groups: [{name: a}, {name: a, rank: 2}]", "groups.a")]
    [InlineData("defaults: {parameters: {Bad-Name: 1}}", "defaults.parameters.Bad-Name")]
    public void Parse_BreaksARule_NamesTheField(string document, string field)
    {
        var broken = Assert.Throws<FaultException>(() => LayersDocument.Parse(document));
        Assert.Equal([field], broken.Fields.Select(f => f.Field));
    }

    [Fact]
    public void Parse_NameThatBreaksTheCatalog_IsRefusedWithItsLine()
    {
        var broken = Assert.Throws<FaultException>(() =>
            LayersDocument.Parse("defaults: {}\ngroups:\n- name: db\n  classes:\n    probe:\n      title: x\n"));
        var field = Assert.Single(broken.Fields);
        Assert.Equal("groups.db.classes.probe.title", field.Field);
        Assert.EndsWith("(line 6)", field.Rule, StringComparison.Ordinal);
    }

    [Theory]
    // The same key, another value, the same rank, and nodes that may be in both.
    [InlineData("{}", "{}", "parameters: {a: 1}", "parameters: {a: 2}", "parameters.a")]
    [InlineData("{}", "{}", "environment: one", "environment: two", "environment")]
    [InlineData("{}", "{}", "classes: {c: {p: 1}}", "classes: {c: {p: '1'}}", "classes.c.p")]
    [InlineData("{}", "{}", "classes: {'::c': {p: 1}}", "classes: {c: {p: 2}}", "classes.c.p")]
    [InlineData("{certname: 'web-*'}", "{certname: '*-1'}", "parameters: {a: 1}", "parameters: {a: 2}", "parameters.a")]
    [InlineData("{certname: web-1}", "{certname: 'web-*'}", "parameters: {a: 1}", "parameters: {a: 2}", "parameters.a")]
    [InlineData("{profile: [x, y]}", "{profile: [y]}", "parameters: {a: 1}", "parameters: {a: 2}", "parameters.a")]
    [InlineData("{labels: {t: a}}", "{labels: {u: b}}", "parameters: {a: 1}", "parameters: {a: 2}", "parameters.a")]
    public void Parse_Contradiction_IsRefused(string rule, string otherRule, string content, string other, string path)
    {
        var broken = Assert.Throws<FaultException>(() => LayersDocument.Parse(Two(rule, otherRule, content, other, 5, 5)));
        var field = Assert.Single(broken.Fields);
        Assert.Equal($"groups.b.{path}", field.Field);
        Assert.Contains("contradicts group a", field.Rule, StringComparison.Ordinal);
        // With ranks of their own they do not.
        Assert.Equal(2, LayersDocument.Parse(Two(rule, otherRule, content, other, 5, 6)).Groups.Count);
    }

    [Theory]
    [InlineData("{profile: x}", "{profile: y}")]
    [InlineData("{labels: {t: a}}", "{labels: {t: b}}")]
    [InlineData("{certname: web-1}", "{certname: web-2}")]
    [InlineData("{certname: web-1}", "{certname: 'db-*'}")]
    public void Parse_NoNodeCanBeInBoth_IsNoContradiction(string rule, string otherRule) =>
        Assert.Equal(2, LayersDocument.Parse(Two(rule, otherRule, "parameters: {a: 1}", "parameters: {a: 2}", 5, 5)).Groups.Count);

    [Theory]
    [InlineData("{}", true)]
    [InlineData("{certname: 'web-*'}", true)]
    [InlineData("{certname: ['db-*', 'web-?.example.com']}", true)]
    [InlineData("{certname: 'WEB-*'}", false)]
    [InlineData("{profile: shop}", true)]
    [InlineData("{profile: other}", false)]
    [InlineData("{labels: {team: a}}", true)]
    [InlineData("{labels: {team: b}}", false)]
    [InlineData("{labels: {team: a, tier: x}}", false)]
    [InlineData("{certname: 'web-*', profile: other}", false)]
    public void Matches_EachPartMustHold(string rule, bool matches)
    {
        var group = LayersDocument.Parse($"groups: [{{name: a, match: {rule}}}]").Groups.Single();
        Assert.Equal(matches,
            group.Rule.Matches(new Subject("web-1.example.com", "shop", new Dictionary<string, string> { ["team"] = "a" })));
    }

    [Fact]
    public void Parse_ThousandGroupsOfOneRank_TakesNoTime()
    {
        var document = "groups:\n"
            + string.Concat(Enumerable.Range(0, 1000).Select(i => $"- {{name: g{i}, parameters: {{p{i}: 1, same: x}}}}\n"));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(1000, LayersDocument.Parse(document).Groups.Count);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(30), $"took {watch.Elapsed}");
    }

    private static string Two(string rule, string otherRule, string content, string other, int rank, int otherRank) =>
        $"groups:\n- name: a\n  rank: {rank}\n  match: {rule}\n  {content}\n- name: b\n  rank: {otherRank}\n  match: {otherRule}\n  "
            + $"{other}\n";
}
