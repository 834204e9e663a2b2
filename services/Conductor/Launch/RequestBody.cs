using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// What makes two requests the same: verb, count and the spec as sent, maps in one order. Fields with their default value do not count, so
/// a field added later changes no hash.
/// </summary>
internal static class RequestBody
{
    /// <summary>Lower-case hex SHA-256.</summary>
    public static string Hash(string verb, LaunchSpec spec, int count)
    {
        var canonical = spec.Clone();
        Sort(canonical.Labels, v => v);
        Sort(canonical.Extensions, v => v);
        if (canonical.Ec2 is not null)
            Sort(canonical.Ec2.Tags, v => v);
        Sort(canonical.Node?.Classes);
        Sort(canonical.Node?.Parameters);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{verb}\n{count}\n{RecordJson.WriteText(canonical)}")));
    }

    private static void Sort(Struct? tree)
    {
        if (tree is not null)
            Sort(tree.Fields, Sorted);
    }

    private static Value Sorted(Value value)
    {
        if (value.KindCase == Value.KindOneofCase.StructValue)
            Sort(value.StructValue);
        else if (value.KindCase == Value.KindOneofCase.ListValue)
            value.ListValue.Values.ToList().ForEach(v => Sorted(v));
        return value;
    }

    // A MapField is written in the order of insertion.
    private static void Sort<T>(MapField<string, T> map, Func<T, T> inner)
    {
        var entries = map.OrderBy(e => e.Key, StringComparer.Ordinal).ToList();
        map.Clear();
        foreach (var (key, value) in entries)
            map.Add(key, inner(value));
    }
}
