using System.Text;
using Overture.Classifier.Documents;
using Overture.Classifier.Puppetserver;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>Definitions against code, without any puppetserver.</summary>
public sealed class CodeComparisonTests
{
    // production has ntp(servers, drift) and base; staging has base and nginx(port), and a file that can't be parsed.
    private static readonly PuppetCode Code =
        new(new HashSet<string> { "production", "staging" }, new Dictionary<string, EnvironmentClasses>
    {
        ["production"] = Classes(
            """[{"path":"/a","classes":[{"name":"ntp","params":[{"name":"servers","type":"Array"},{"name":"drift"}]}]},{"path":"/b","classes":[{"name":"base","params":[]}]}]"""),
        ["staging"] = Classes(
            """[{"path":"/a","classes":[{"name":"base","params":[]},{"name":"nginx","params":[{"name":"port"}]}]},{"path":"/broken.pp","error":"Syntax error at '}'"}]"""),
    });

    [Theory]
    [InlineData("classes: [ntp, '::base']", "")]
    [InlineData("classes: {ntp: {servers: [a], drift: b, tag: x, noop: true, stage: main}}", "")]
    [InlineData("classes: [npt]", "classes.npt: is not a class in the environment production; is ntp meant?")]
    [InlineData("classes: ['::ngnix']\nenvironment: staging",
        "classes.::ngnix: is not a class in the environment staging; is nginx meant?; 1 file there can't be parsed: Syntax error at '}'")]
    [InlineData("classes: [mysql::server]", "classes.mysql::server: is not a class in the environment production")]
    [InlineData("classes: {ntp: {server: a, owner: b}}",
        "classes.ntp.server: is not a parameter of that class in the environment production; is servers meant? | classes.ntp.owner: is "
            + "not a parameter of that class in the environment production")]
    [InlineData("classes: [nginx]", "classes.nginx: is not a class in the environment production")]
    [InlineData("classes: [nginx]\nenvironment: staging", "")]
    [InlineData("classes: [anything]\nenvironment: stagin", "environment: stagin, which the puppetserver does not have; is staging meant?")]
    [InlineData("classes: [anything]\nenvironment: dev", "environment: dev, which the puppetserver does not have")]
    public void OfAnswer_OwnDefinition_NamesFieldAndRule(string document, string told) => Assert.Equal(told, Told((Layer.Own, document)));

    [Fact]
    public void OfAnswer_Layers_EachIsToldOfInTheEnvironmentOfTheNode()
    {
        Assert.Equal("group web classes.nginx: is not a class in the environment production",
            Told(("defaults", "classes: [base]\nenvironment: staging"), ("group web", "classes: {nginx: {port: 1}}"),
                (Layer.Own, "classes: [ntp]\nenvironment: production")));
        Assert.Equal("classes.ntp: is not a class in the environment staging; 1 file there can't be parsed: Syntax error at '}'",
            Told(("defaults", "environment: staging"), (Layer.Own, "classes: [ntp]")));
        // An environment that a higher layer replaces is not checked.
        Assert.Equal("", Told(("defaults", "environment: gone"), (Layer.Own, "classes: [ntp]\nenvironment: production")));
        Assert.Equal("defaults environment: gone, which the puppetserver does not have",
            Told(("defaults", "environment: gone"), (Layer.Own, "classes: [ntp]")));
    }

    [Theory]
    [InlineData("defaults: {classes: [base]}", "production", "")]
    [InlineData("defaults: {classes: [nginx]}", "production", "defaults.classes.nginx: is not a class in the environment production")]
    [InlineData("defaults: {environment: stagin, classes: [x]}", "stagin",
        "defaults.environment: stagin, which the puppetserver does not have; is staging meant?")]
    // A group that says its environment is held to it; one that does not may get that of any group it can meet.
    [InlineData("groups: [{name: a, classes: [nginx], environment: production}]", "production",
        "groups.a.classes.nginx: is not a class in the environment production")]
    [InlineData("groups: [{name: a, classes: [nginx]}, {name: s, environment: staging}]", "production staging", "")]
    [InlineData("groups: [{name: a, classes: [mysql]}, {name: s, environment: staging}]", "production staging",
        "groups.a.classes.mysql: is not a class in any of the environments production, staging; 1 file there can't be parsed: Syntax "
            + "error at '}'")]
    [InlineData("groups: [{name: a, match: {profile: web}, classes: [nginx]}, {name: s, match: {profile: db}, environment: staging}]",
        "production staging",
        "groups.a.classes.nginx: is not a class in the environment production")]
    [InlineData("{defaults: {environment: staging}, groups: [{name: a, classes: {nginx: {prot: 1}}}]}", "staging",
        "groups.a.classes.nginx.prot: is not a parameter of that class in the environment staging; is port meant?")]
    [InlineData("{defaults: {environment: gone}, groups: [{name: a, classes: [nginx]}]}", "gone",
        "defaults.environment: gone, which the puppetserver does not have | groups.a.environment: is not set here, and would be gone, "
            + "which the puppetserver does not have")]
    public void OfLayers_BeforeAnyNode_NamesFieldAndRule(string document, string asked, string told)
    {
        var layers = LayersDocument.Parse(document);
        Assert.Equal(asked, string.Join(' ', CodeComparison.EnvironmentsOf(layers)));
        Assert.Equal(told, string.Join(" | ", CodeComparison.OfLayers(layers, Code).Select(p => $"{p.Field}: {p.Rule}")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"files":{}}""")]
    [InlineData("""{"files":[1]}""")]
    [InlineData("""{"files":[{"path":"/a"}]}""")]
    [InlineData("""{"files":[{"classes":[{"name":null,"params":[]}]}]}""")]
    [InlineData("""{"files":[{"classes":[{"name":"a","params":[{"name":1}]}]}]}""")]
    [InlineData("""{"environments":["production"]}""")]
    public void Parse_SomethingElse_IsAFormatError(string json)
    {
        Assert.Throws<FormatException>(() => EnvironmentClasses.Parse(Encoding.UTF8.GetBytes(json)));
        Assert.Throws<FormatException>(() => PuppetCode.EnvironmentsOf(Encoding.UTF8.GetBytes(json)));
    }

    [Theory]
    [InlineData("nginx", "ngnix nignx", "ngnix")]
    [InlineData("ab", "cd", null)]
    [InlineData("login_alowed", "login_allowed login", "login_allowed")]
    [InlineData("a", "", null)]
    [InlineData("profile::web", "profile::web2 profile::wet", "profile::web2")]
    public void NearestName_IsTheFewestTypedCharactersAway(string name, string known, string? near) =>
        Assert.Equal(near, NearestName.Of(name, known.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

    // Lowest layer first; problems of other layers begin with their name.
    private static string Told(params (string Name, string Document)[] layers)
    {
        var answer = Answer.Of(TestIds.New().CertName(), new AnswerVersions("", "", "", null),
            [.. layers.Select(l => new Layer(l.Name, "", "", NodeDefinition.Parse(l.Document)))]);
        return string.Join(" | ",
            CodeComparison.OfAnswer(answer, Code).Select(p => $"{(p.Layer.IsOwn ? "" : p.Layer.Name + " ")}{p.Field}: {p.Rule}"));
    }

    private static EnvironmentClasses Classes(string files) =>
        EnvironmentClasses.Parse(Encoding.UTF8.GetBytes($$"""{"name":"x","files":{{files}}}"""));
}
