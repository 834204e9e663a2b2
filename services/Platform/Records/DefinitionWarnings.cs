using System.Globalization;
using System.Text.RegularExpressions;

namespace Overture.Platform.Records;

/// <summary>Something in a definition that is no mistake by the rules and seldom what was meant.</summary>
/// <param name="Line">From 1; 0: unknown.</param>
/// <param name="Field">Its dotted path.</param>
/// <param name="Rule">What comes of it, and what to write instead.</param>
public sealed record DefinitionWarning(long Line, string Field, string Rule);

/// <summary>
/// What people who write a definition should be asked: parameters that hide facts, and plain words that mean something else to Puppet than
/// to their writer, because YAML 1.1 (Ruby's, cloud-init's) reads them otherwise than YAML 1.2 does. Pure. The command line is built with
/// this file too.
/// </summary>
public static partial class DefinitionWarnings
{
    private const double MaxExact = 9_007_199_254_740_992; // 2^53

    /// <param name="definition">The mapping with classes and parameters; null or anything else has none.</param>
    /// <param name="path">Before each field.</param>
    /// <param name="asStruct">It travels as a google.protobuf.Struct, where 1.0 becomes 1.</param>
    public static IEnumerable<DefinitionWarning> Of(YamlNode? definition, string path = "", bool asStruct = false)
    {
        foreach (var (key, value) in Entries(definition))
        {
            var below = YamlLines.Below(path, key.Text);
            foreach (var (name, content) in key.Text is "parameters" or "classes" ? Entries(value) : [])
            {
                var field = YamlLines.Below(below, name.Text);
                if (key.Text == "parameters" && PuppetFacts.Rule(name.Text) is { } rule)
                    yield return new(name.Line, field, rule);
                // The names of a class's parameters are texts in every reading.
                var values = key.Text == "parameters" ? [(field, content)] : Entries(content)
                    .Select(p => (YamlLines.Below(field, p.Key.Text), p.Value));
                foreach (var warning in values.SelectMany(v => Values(v.Item2, v.Item1, asStruct)))
                    yield return warning;
            }
        }
    }

    private static IReadOnlyList<(YamlScalar Key, YamlNode Value)> Entries(YamlNode? node) => node is YamlMap map ? map.Entries : [];

    private static IEnumerable<DefinitionWarning> Values(YamlNode node, string path, bool asStruct) => node switch
    {
        YamlList list => list.Items.SelectMany((item, i) => Values(item, $"{path}[{i}]", asStruct)),
        YamlMap map => map.Entries.SelectMany(e => Values(e.Value, YamlLines.Below(path, e.Key.Text), asStruct)
            .Prepend(Key(e.Key, YamlLines.Below(path, e.Key.Text))).OfType<DefinitionWarning>()),
        YamlScalar { Plain: true } scalar when Doubt(scalar, asStruct) is { } rule => [new(scalar.Line, path, rule)],
        _ => [],
    };

    private static DefinitionWarning? Key(YamlScalar key, string path) =>
        key.Value() is string ? null : new(key.Line, path,
            $"is a key that Puppet gets as the text \"{key.Text}\": look it up by that, or write it in quotes to say so");

    private static string? Doubt(YamlScalar scalar, bool asStruct)
    {
        switch (scalar.Value())
        {
            case long whole:
                return Number(scalar.Text, whole.ToString(CultureInfo.InvariantCulture));
            case double real when asStruct && Math.Floor(real) == real && Math.Abs(real) <= MaxExact:
                return Number(scalar.Text, ((long)real).ToString(CultureInfo.InvariantCulture));
            case double real:
                return Number(scalar.Text, QuotedYaml.Number(real));
            case string text when Flag().IsMatch(text):
                return $"is the text \"{text}\" to Puppet, and every text counts as true: write "
                    + $"{(Negative().IsMatch(text) ? "false" : "true")}, or \"{text}\" in quotes where the text is meant";
            case string text when NumberOfOldYaml().IsMatch(text):
                return $"is the text \"{text}\" to Puppet, and no number: write it in decimal digits, or in quotes where the text is meant";
            case string text when TimeOfOldYaml().IsMatch(text):
                return $"is the text \"{text}\" to Puppet, where other readers of YAML see a date or a number: write it in quotes to "
                    + "say that the text is meant";
            default:
                return null;
        }
    }

    private static string? Number(string written, string got) =>
        written == got
            ? null : $"is the number {got} to Puppet: write \"{written}\" in quotes where the text is meant (a version, a telephone "
                + $"number), else {got}";

    [GeneratedRegex(@"\A(y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Flag();

    [GeneratedRegex(@"\A([nN]|[oO][fF])", RegexOptions.CultureInvariant)]
    private static partial Regex Negative();

    // Octal, hexadecimal, binary, with underscores, without a digit before the point, out of range, not finite.
    [GeneratedRegex(
        @"\A[-+]?(0[xob][0-9a-fA-F_]+|([0-9][0-9_]*(\.[0-9_]*)?|\.[0-9][0-9_]*)([eE][-+]?[0-9]+)?|\.(inf|Inf|INF|nan|NaN|NAN))\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex NumberOfOldYaml();

    // Dates, times of day, and the base 60 that they look like.
    [GeneratedRegex(@"\A([-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex TimeOfOldYaml();
}
