using Google.Protobuf.WellKnownTypes;

namespace Overture.Cli.Output;

/// <summary>The names that an answer is about, for -o name: certnames, and names of what has no certname (profiles, contexts).</summary>
internal static class Identifiers
{
    private static readonly string[] Keys = ["certname", "name"];

    /// <param name="answer">As -o json prints it.</param>
    /// <returns>That of the answer itself; else those of the first of its fields that has any. Each once, in order.</returns>
    public static IReadOnlyList<string> Of(Struct answer) =>
        Own(answer) is { } own ? [own] : answer.Fields.Values.Select(Within).FirstOrDefault(n => n.Count > 0, []);

    private static List<string> Within(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StructValue => Own(value.StructValue) is { } own ? [own] : [],
        Value.KindOneofCase.ListValue => [.. value.ListValue.Values.Select(Item).OfType<string>().Distinct(StringComparer.Ordinal)],
        _ => [],
    };

    // An item may hold what it is about: {"instance": {"certname": …}, "reason": …}.
    private static string? Item(Value item) => item.KindCase != Value.KindOneofCase.StructValue ? null
        : Own(item.StructValue) ?? item.StructValue.Fields.Values
            .Where(v => v.KindCase == Value.KindOneofCase.StructValue).Select(v => Own(v.StructValue)).FirstOrDefault(n => n is not null);

    private static string? Own(Struct tree) => Keys.Select(k => tree.Fields.TryGetValue(k, out var value)
        && value.KindCase == Value.KindOneofCase.StringValue && value.StringValue.Length > 0 ? value.StringValue : null)
        .FirstOrDefault(n => n is not null);
}
