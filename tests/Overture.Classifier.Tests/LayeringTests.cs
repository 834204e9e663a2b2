using Overture.Classifier.Documents;
using Overture.Platform.Records;

namespace Overture.Classifier.Tests;

public sealed class LayeringTests
{
    [Fact]
    public void Of_Nothing_IsProductionAndNoClasses()
    {
        var layered = Layered.Of([]);
        Assert.Equal("production", layered.Definition.Environment);
        Assert.Empty(layered.Definition.Classes);
        Assert.Equal("built in", Assert.Single(layered.Origins).Layer.Name);
    }

    [Fact]
    public void Of_SameValue_TheHighestCountsAndTellsWhatItLiesOver()
    {
        var layered = Layered.Of([Layer("one", "parameters: {a: 1, only: x}"), Layer("two", "parameters: {a: 2}"),
            Layer("three", "parameters: {a: 3}")]);
        Assert.Equal(3L, layered.Definition.Parameters["a"]);
        Assert.Equal("x", layered.Definition.Parameters["only"]);
        var origin = layered.Origins.Single(o => o.Path == "parameters.a");
        Assert.Equal(("three", 3L), (origin.Layer.Name, origin.Value));
        Assert.Equal([("two", 2L), ("one", 1L)], origin.Below.Select(b => (b.Layer.Name, (long)b.Value!)));
    }

    [Fact]
    public void Of_ClassInSeveralLayers_HasTheParametersOfAll()
    {
        var layered = Layered.Of([Layer("low", "classes: {c: {a: 1, b: 1}}"), Layer("high", "classes: {c: {b: 2}, d: }")]);
        var c = (IReadOnlyDictionary<string, object?>)layered.Definition.Classes["c"]!;
        Assert.Equal((1L, 2L), (c["a"], c["b"]));
        Assert.Null(layered.Definition.Classes["d"]);
        Assert.Equal(["classes.c.a", "classes.c.b", "classes.d", "environment"], layered.Origins.Select(o => o.Path));
    }

    [Theory]
    [InlineData("classes: [c]", "classes: {c: {a: 1}}")]
    [InlineData("classes: {c: {a: 1}}", "classes: [c]")]
    public void Of_ClassWithAndWithoutParameters_KeepsThem(string low, string high)
    {
        var layered = Layered.Of([Layer("low", low), Layer("high", high)]);
        Assert.Equal(1L, ((IReadOnlyDictionary<string, object?>)layered.Definition.Classes["c"]!)["a"]);
        Assert.Equal(["classes.c.a", "environment"], layered.Origins.Select(o => o.Path));
    }

    [Fact]
    public void Of_HashAndList_AreOneValueNotMerged()
    {
        var layered = Layered.Of([Layer("low", "parameters: {h: {a: 1}, l: [1]}"), Layer("high", "parameters: {h: {b: 2}, l: [2]}")]);
        Assert.Equal(["b"], ((IReadOnlyDictionary<string, object?>)layered.Definition.Parameters["h"]!).Keys);
        Assert.Equal([2L], (IReadOnlyList<object?>)layered.Definition.Parameters["l"]!);
    }

    [Fact]
    public void Of_EnvironmentNobodySays_DoesNotHideOneBelow()
    {
        var layered = Layered.Of([Layer("low", "environment: staging"), Layer("node", "classes: [c]")]);
        Assert.Equal("staging", layered.Definition.Environment);
        Assert.Equal("low", layered.Origins.Single(o => o.Path == "environment").Layer.Name);
    }

    private static Layer Layer(string name, string yaml) => new(name, $"doc/{name}", "v", NodeDefinition.Parse(yaml));
}
