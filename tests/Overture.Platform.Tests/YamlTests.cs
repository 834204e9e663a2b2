using FsCheck;
using FsCheck.Fluent;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Tests;

public sealed class YamlTests
{
    [Theory]
    [InlineData("yes", "yes")]
    [InlineData("0777", "0777")]
    [InlineData("1_000", "1_000")]
    [InlineData("2010-01-02", "2010-01-02")]
    [InlineData(":sym", ":sym")]
    [InlineData("'7'", "7")]
    [InlineData("7", 7L)]
    [InlineData("-0", 0L)]
    [InlineData("1.5", 1.5)]
    [InlineData("1e3", 1000.0)]
    [InlineData("1e400", "1e400")]
    [InlineData(".nan", ".nan")]
    [InlineData("true", true)]
    [InlineData("~", null)]
    [InlineData("9223372036854775808", "9223372036854775808")]
    public void Read_PlainScalar_HasItsCoreType(string text, object? value) =>
        Assert.Equal(value, ((Dictionary<string, object?>)StrictYaml.Read($"k: {text}")!)["k"]);

    [Theory]
    [InlineData("a: &x 1\nb: *x", "anchor")]
    [InlineData("a: *x", "alias")]
    [InlineData("a: !ruby/object:Foo {}", "tag")]
    [InlineData("a: !!binary aGk=", "tag")]
    [InlineData("a: 1\na: 2", "twice")]
    [InlineData("? [a]\n: 1", "not a scalar")]
    [InlineData("a: 1\n---\nb: 2", "more than one")]
    [InlineData("", "empty")]
    [InlineData("a: [1", "not YAML")]
    public void Read_AgainstTheRules_NamesTheRule(string text, string rule) =>
        Assert.Contains(rule, Assert.Throws<FaultException>(() => StrictYaml.Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_Bombs_AreRefusedBeforeTheyCost()
    {
        Assert.Contains("32 levels", Refused(new string('[', 100_000)), StringComparison.Ordinal);
        Assert.Contains("32 levels", Refused(string.Concat(Enumerable.Repeat("{a: ", 40_000))), StringComparison.Ordinal);
        Assert.Contains("10,000", Refused("[" + string.Join(',', Enumerable.Repeat("1", 20_000)) + "]"), StringComparison.Ordinal);
        Assert.Contains("256 KiB", Refused("a: " + new string('x', 300_000)), StringComparison.Ordinal);
    }

    [Fact]
    public void Read_AnyGarbage_IsReadOrRefusedNeverAnythingElse()
    {
        string[] pieces = ["[", "]", "{", "}", ":", ": ", "- ", "\n", "  ", "a", "1", "'", "\"", "#", "&x ", "*x", "!t ", "|", ">", "---", "...", "? ", "%", "\t", "\0", ","];
        var garbage = Gen.ListOf(Gen.Elements(pieces)).Select(p => string.Concat(p));
        Prop.ForAll(garbage.ToArbitrary(), text =>
        {
            try
            {
                StrictYaml.Read(text);
            }
            catch (FaultException)
            {
                // the one way to refuse
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Write_AnyTree_ReadsBackTheSame()
    {
        var strings = ArbMap.Default.ArbFor<NonNull<string>>().Generator.Select(s => (object?)Clean(s.Get));
        var scalars = Gen.OneOf(strings, Gen.Elements<object?>("yes", "~", "null", "0777", "2010-01-02", ":sym", "a: b", "#x", "\n", " x ", "\u2028", "💥", true, 5L, -2.5, null));
        var lists = Gen.ListOf(scalars).Select(l => (object?)l.ToList());
        var trees = Gen.ListOf(Gen.OneOf(scalars, lists)).Select(items => items.Select((v, i) => (Key: $"k{i}: '\"", v)).ToDictionary(p => p.Key, p => p.v));
        Prop.ForAll(trees.ToArbitrary(), tree => Equal(tree, StrictYaml.Read(QuotedYaml.Write(tree)))).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Fact]
    public void Definition_Hostile_NamesEveryField()
    {
        var refused = Assert.Throws<FaultException>(() => NodeDefinition.Parse("""
            classes: {Bad: {}, ok: {"$x": 1}, "a;b": 3}
            parameters: {trusted: 1, "x y": 2}
            environment: Prod
            klasses: []
            """));
        Assert.Equal(Reason.DefinitionInvalid, refused.Reason);
        Assert.Equal(
            ["classes.Bad", "classes.a;b", "classes.a;b", "classes.ok.$x", "environment", "klasses", "parameters.trusted", "parameters.x y"],
            refused.Fields.Select(f => f.Field).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Definition_ListOfClasses_MeansNoParameters()
    {
        var definition = NodeDefinition.Parse("classes: [ntp, 'base::ssh']");
        Assert.Equal(["ntp", "base::ssh"], definition.Classes.Keys);
        Assert.Equal("production", definition.Environment);
    }

    private static string Refused(string text) => Assert.Throws<FaultException>(() => StrictYaml.Read(text)).Message;

    // Lone surrogates and the control characters that YAML can't hold are not text; the API refuses them earlier.
    private static string Clean(string text) => new([.. text.Where(c => !char.IsSurrogate(c) && c is not ('\uFEFF' or '\uFFFE' or '\uFFFF'))]);

    private static bool Equal(object? a, object? b) => (a, b) switch
    {
        (IReadOnlyDictionary<string, object?> x, IReadOnlyDictionary<string, object?> y) => x.Count == y.Count && x.All(p => y.TryGetValue(p.Key, out var other) && Equal(p.Value, other)),
        (IReadOnlyList<object?> x, IReadOnlyList<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Equal(p.First, p.Second)),
        _ => Equals(a, b),
    };
}
