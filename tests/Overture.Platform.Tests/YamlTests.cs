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
        Assert.Contains("256 KiB", Refused(new string('[', 1024 * 1024)), StringComparison.Ordinal);
        Assert.Contains("256 KiB", Refused(new string('\u20ac', 100_000)), StringComparison.Ordinal);
        Assert.Contains("256 KiB", Refused(string.Concat(Enumerable.Range(0, 100_000).Select(i => $"k{i}: 1\n"))),
            StringComparison.Ordinal);
        Assert.Contains("10,000", Refused(string.Concat(Enumerable.Range(0, 20_000).Select(i => $"k{i}: 1\n"))), StringComparison.Ordinal);
        Assert.Contains("32 levels", Refused(string.Concat(Enumerable.Repeat("- ", 100_000))), StringComparison.Ordinal);
        Assert.Contains("anchor",
            Refused("a: &a [x, x, x, x, x, x, x, x, x]\n" + string.Concat("bcdefghij".Select(
            c => $"{c}: &{c} [{string.Join(',', Enumerable.Repeat($"*{(char)(c - 1)}", 9))}]\n"))), StringComparison.Ordinal);
        Assert.Contains("alias", Refused("a: {b: *a}"), StringComparison.Ordinal);
        Assert.Contains("anchor", Refused("&a a: *a"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("&a *a")]
    public void Read_OfAnySize_TakesNoMoreTimeAndMemoryThanItsLimits(string piece)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 256 * 1024 / piece.Length));
        Refused(text);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        Refused(text);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 8 << 20);
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 20);
    }

    [Fact]
    public void Read_AnyGarbage_IsReadOrRefusedNeverAnythingElse()
    {
        string[] pieces = ["[", "]", "{", "}", ":", ": ", "- ", "\n", "  ", "a", "1", "'", "\"", "#", "&x ", "*x", "!t ", "|", ">", "---",
            "...", "? ", "%", "\t", "\0", ","];
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
        var scalars = Gen.OneOf(strings, Gen.Elements<object?>("yes", "~", "null", "0777", "2010-01-02", ":sym", "a: b", "#x", "\n", " x ",
            "\u2028", "💥", true, 5L, -2.5, null));
        var lists = Gen.ListOf(scalars).Select(l => (object?)l.ToList());
        var trees = Gen.ListOf(Gen.OneOf(scalars, lists))
            .Select(items => items.Select((v, i) => (Key: $"k{i}: '\"", v)).ToDictionary(p => p.Key, p => p.v));
        Prop.ForAll(trees.ToArbitrary(), tree => Equal(tree, StrictYaml.Read(QuotedYaml.Write(tree))))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
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
            ["classes.Bad", "classes.a;b", "classes.a;b", "classes.ok.$x", "environment", "klasses", "parameters.trusted",
            "parameters.x y"],
            refused.Fields.Select(f => f.Field).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("classes: {node: }", "classes.node")]
    [InlineData("classes: [main]", "classes.main")]
    [InlineData("classes: ['::settings']", "classes.::settings")]
    [InlineData("classes: [ntp, '::ntp']", "classes.::ntp")]
    [InlineData("classes: [ntp, ntp]", "classes.ntp")]
    [InlineData("classes: ['a::']", "classes.a::")]
    [InlineData("classes: ['a:b']", "classes.a:b")]
    [InlineData("classes: [\"a\\n\"]", "classes.a\n")]
    [InlineData("classes: [1]", "classes")]
    [InlineData("classes: {a: [1]}", "classes.a")]
    [InlineData("parameters: {'1': 1}", "parameters.1")]
    [InlineData("parameters: {'a::b': 1}", "parameters.a::b")]
    [InlineData("environment: main", "environment")]
    [InlineData("environment: ''", "environment")]
    [InlineData("environment: 7", "environment")]
    [InlineData("environment: ../../etc", "environment")]
    public void Definition_OneRuleBroken_NamesItsField(string yaml, string field)
    {
        var refused = Assert.Throws<FaultException>(() => NodeDefinition.Parse(yaml));
        Assert.Equal(field, Assert.Single(refused.Fields).Field);
    }

    [Fact]
    public void Definition_NotFromYaml_IsHeldToItsLimits()
    {
        object? deep = 1L;
        for (var level = 0; level < 31; level++)
            deep = new List<object?> { deep };
        Refused("32 levels", deep);
        Refused("10,000", Enumerable.Repeat((object?)1L, 10_000).ToList());
        Refused("256 KiB", new string('x', 300_000));
        Refused("merge key", new Dictionary<string, object?> { ["<<"] = 1L });

        static void Refused(string rule, object? value) =>
            Assert.Contains(rule,
                Assert.Throws<FaultException>(() => NodeDefinition.FromTree(
                new Dictionary<string, object?> { ["parameters"] = new Dictionary<string, object?> { ["x"] = value } })).Message,
                StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Write_NumberThatIsNone_IsRefused(double number) => Assert.Throws<ArgumentException>(() => QuotedYaml.Write(number));

    [Fact]
    public void Definition_ListOfClasses_MeansNoParameters()
    {
        var definition = NodeDefinition.Parse("classes: [ntp, 'base::ssh']");
        Assert.Equal(["ntp", "base::ssh"], definition.Classes.Keys);
        Assert.Equal("production", definition.Environment);
    }

    private static string Refused(string text) => Assert.Throws<FaultException>(() => StrictYaml.Read(text)).Message;

    // Lone surrogates and the control characters that YAML can't hold are not text; the API refuses them earlier.
    private static string Clean(string text) =>
        new([.. text.Where(c => !char.IsSurrogate(c) && c is not ('\uFEFF' or '\uFFFE' or '\uFFFF'))]);

    private static bool Equal(object? a, object? b) => (a, b) switch
    {
        (IReadOnlyDictionary<string, object?> x, IReadOnlyDictionary<string, object?> y) => x.Count == y.Count
            && x.All(p => y.TryGetValue(p.Key, out var other) && Equal(p.Value, other)),
        (IReadOnlyList<object?> x, IReadOnlyList<object?> y) => x.Count == y.Count && x.Zip(y).All(p => Equal(p.First, p.Second)),
        _ => Equals(a, b),
    };
}
