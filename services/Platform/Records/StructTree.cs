using Google.Protobuf.WellKnownTypes;
using Overture.Platform.Faults;

namespace Overture.Platform.Records;

/// <summary>
/// google.protobuf.Struct to and from a YAML tree (<see cref="StrictYaml"/>). A Struct knows doubles only: whole ones become integers.
/// </summary>
public static class StructTree
{
    private const double MaxExact = 9_007_199_254_740_992; // 2^53
    private const int MaxDepth = 32;

    public static Dictionary<string, object?> ToTree(Struct? source, int depth = 0)
    {
        if (depth > MaxDepth)
            throw FaultException.Invalid("node", "is nested more than 32 levels deep");
        return source?.Fields.ToDictionary(f => f.Key, f => ToTree(f.Value, depth + 1)) ?? [];
    }

    public static Struct FromTree(IReadOnlyDictionary<string, object?> tree)
    {
        var result = new Struct();
        foreach (var (key, value) in tree)
            result.Fields[key] = ValueOf(value);
        return result;
    }

    private static object? ToTree(Value value, int depth)
    {
        if (depth > MaxDepth)
            throw FaultException.Invalid("node", "is nested more than 32 levels deep");
        return value.KindCase switch
        {
            Value.KindOneofCase.BoolValue => value.BoolValue,
            Value.KindOneofCase.NumberValue => Number(value.NumberValue),
            Value.KindOneofCase.StringValue => value.StringValue,
            Value.KindOneofCase.StructValue => ToTree(value.StructValue, depth),
            Value.KindOneofCase.ListValue => value.ListValue.Values.Select(v => ToTree(v, depth + 1)).ToList(),
            _ => null,
        };
    }

    private static object Number(double number)
    {
        if (!double.IsFinite(number))
            throw FaultException.Invalid("node", "holds a number that is not finite");
        return Math.Floor(number) == number && Math.Abs(number) <= MaxExact ? (object)(long)number : number;
    }

    public static Value ValueOf(object? node) => node switch
    {
        null => Value.ForNull(),
        bool b => Value.ForBool(b),
        long l => Value.ForNumber(l),
        double d => Value.ForNumber(d),
        string s => Value.ForString(s),
        IReadOnlyDictionary<string, object?> map => Value.ForStruct(FromTree(map)),
        IReadOnlyList<object?> list => Value.ForList([.. list.Select(ValueOf)]),
        _ => throw new ArgumentException($"not a YAML tree: {node.GetType()}", nameof(node)),
    };
}
