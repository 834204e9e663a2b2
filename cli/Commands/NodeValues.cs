using System.Globalization;
using Google.Protobuf.WellKnownTypes;

namespace Overture.Cli.Commands;

/// <summary>Classes and parameters of a launch file as a Struct: YAML 1.2 core types, as Classifier reads them, so yes, 0777 and 2010-01-02 are strings.</summary>
internal static class NodeValues
{
    private const long MostExact = 1L << 53;

    /// <param name="file">For messages.</param>
    /// <param name="map">What stands below classes or parameters.</param>
    public static Struct Tree(string file, YamlMap map)
    {
        var tree = new Struct();
        foreach (var (key, value) in map.Entries)
            tree.Fields[key.Text] = Of(file, value);
        return tree;
    }

    private static Value Of(string file, YamlNode node) => node switch
    {
        YamlMap map => Value.ForStruct(Tree(file, map)),
        YamlList list => Value.ForList([.. list.Items.Select(item => Of(file, item))]),
        YamlScalar { Plain: true } plain => Plain(file, plain),
        YamlScalar quoted => Value.ForString(quoted.Text),
        _ => throw new InvalidOperationException("a node is a map, a list or a scalar"),
    };

    private static Value Plain(string file, YamlScalar scalar)
    {
        if (scalar.IsNull)
            return Value.ForNull();
        if (scalar.Text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE")
            return Value.ForBool(scalar.Text[0] is 't' or 'T');
        var digits = scalar.Text[0] is '-' or '+' ? scalar.Text[1..] : scalar.Text;
        var leadingZero = digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1]);
        if (digits.Length == 0 || !char.IsAsciiDigit(digits[0]) || leadingZero)
            return Value.ForString(scalar.Text);
        if (digits.All(char.IsAsciiDigit))
            return Whole(file, scalar);
        const NumberStyles Real = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(scalar.Text, Real, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? Value.ForNumber(real)
            : Value.ForString(scalar.Text);
    }

    // A Struct's numbers are doubles: a longer integer would come out as another one.
    private static Value Whole(string file, YamlScalar scalar) =>
        long.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) && whole is >= -MostExact and <= MostExact
            ? Value.ForNumber(whole)
            : throw Failure.Usage($"{file}:{scalar.Line}: {scalar.Text} is beyond 2^53 and would lose digits", "write it in quotes");
}
