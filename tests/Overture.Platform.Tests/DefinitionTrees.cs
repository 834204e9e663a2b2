namespace Overture.Platform.Tests;

/// <summary>Definitions made to be misread: the same ones for the same seed.</summary>
internal sealed class DefinitionTrees(int seed)
{
    // What YAML 1.1 readers take for something else, or what breaks a writer.
    private static readonly string[] Hostile =
    [
        "", " ", "  x", "x  ", "\t", "\n", "\n\n", "\r\n", "a\nb", "a\n", "\na", "a\tb", "yes", "Yes", "no", "NO", "on", "off", "y", "n",
        "true", "True", "false",
        "null", "~", "NULL", "0777", "0o17", "0x1f", "0b11", "1e3", "1_000", "1,000", "-1", "+1", "1.", ".5", "-0.0", ".inf", "-.inf",
        ".nan", ".NaN", "190:20:30",
        "2010-01-02", "2010-01-02 03:04:05", "2010-01-02T03:04:05Z", ":sym", ":\"sym\"", "sym:", ":", "::", "a: b", "a:b", "#x", "a #b",
        "&a", "*a", "<<", "=", "!x",
        "!ruby/object:Object {}", "!!str x", "!binary aGk=", "? x", "- x", "-", "--", "---", "--- x", "...", "%YAML 1.1", "@x", "`x`", "|",
        ">", "|-", "[", "]", "{", "}",
        "[1, 2]", "{a: b}", ",", "'", "''", "\"", "\"\"", "\\", "\\n", "\\x41", "\\u0041", "%{facts.x}", "$(id)", "${x}",
        "<%= x %>", "#{1 + 1}",
        "\0", "\a", "\b", "\u001b[31m", "\u001f", "\u007f", "\u0080", "\u0085", "a\u0085b", "\u00a0", "\u009f", "\u00ad", "\u200b",
        "\u2028", "a\u2028b", "\u2029", "\u202e", "\ufeff", "\ufeffa",
        "\ufffd", "\ud7ff", "\ue000", "\ufffe", "\uffff", "\ud83d\udca5", "\ud800\udc00", "\udbff\udfff", "e\u0301", "\u00e9",
        "\u65e5\u672c",
        new('x', 1000), new('x', 5000), new('\u0001', 300), new('"', 600), string.Concat(Enumerable.Repeat("\ud83d\udca5", 400)),
        string.Concat(Enumerable.Repeat("word ", 60)),
    ];

    private static readonly char[] Pieces =
        [.. "ab1 :-#&*!|>'\"%@`{}[],?<=~\\/.\n\t\0\u0007\u001b\u007f\u0085\u00a0\u00e9\u2028\u2029\ufeff\ufffe\uffff\u65e5"];

    private readonly Random random = new(seed);

    /// <summary>A valid definition's tree: classes, parameters and environment, with anything at all as values.</summary>
    public Dictionary<string, object?> Next()
    {
        var classes = new Dictionary<string, object?>();
        for (var left = random.Next(4); left > 0; left--)
        {
            classes[Pick("ntp", "base::ssh", "::top", "profile::web_server", "a::b::c1") + random.Next(3)] = random.Next(3) == 0
                ? null : Named();
        }
        return new() { ["classes"] = classes, ["parameters"] = Named(),
            ["environment"] = Pick("production", "no", "0777", "null", "yes", "2010") };
    }

    private Dictionary<string, object?> Named()
    {
        var map = new Dictionary<string, object?>();
        for (var left = random.Next(5); left > 0; left--)
            map[Pick("yes", "n", "null_", "_x", "role", "ensure", "on", "e1") + Pick("", "2", "_3")] = Value(0);
        return map;
    }

    private object? Value(int depth) => random.Next(depth > 24 ? 12 : 16) switch
    {
        < 6 => Hostile[random.Next(Hostile.Length)],
        < 8 => Text(),
        8 => Pick<object?>(null, true, false),
        9 => Pick(0L, -1L, 1000L, 4_294_967_296, long.MaxValue, long.MinValue, random.NextInt64(long.MinValue, long.MaxValue)),
        10 => Pick(0.0, -0.0, 1.0, -2.5, 1e3, 1e20, 1e-5, 1e22, 0.1, double.Epsilon, double.MaxValue, double.MinValue, Math.PI,
            123456789012345680.0),
        11 => Real(),
        < 14 => List(depth),
        _ => Map(depth),
    };

    private List<object?> List(int depth)
    {
        // Now and then a deep one; else they end by themselves.
        if (depth == 0 && random.Next(50) == 0)
        {
            return [Enumerable.Range(0, 26).Aggregate(Value(30), (inner, level) => level % 2 == 0
                ? new List<object?> { inner } : new Dictionary<string, object?> { [Key()] = inner })];
        }
        return [.. Enumerable.Range(0, random.Next(4)).Select(_ => Value(depth + 1))];
    }

    private Dictionary<string, object?> Map(int depth)
    {
        var map = new Dictionary<string, object?>();
        for (var left = random.Next(4); left > 0; left--)
            map[Key()] = Value(depth + 1);
        return map;
    }

    // The merge key is refused by every reader of definitions.
    private string Key() => (random.Next(4) == 0 ? Text() : Hostile[random.Next(Hostile.Length)]) is var key && key == "<<" ? "<< " : key;

    private string Text()
    {
        var text = new char[random.Next(12)];
        for (var i = 0; i < text.Length; i++)
            text[i] = Pieces[random.Next(Pieces.Length)];
        return new string(text);
    }

    private double Real()
    {
        var real = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
        return double.IsFinite(real) ? real : 1.5;
    }

    private T Pick<T>(params T[] of) => of[random.Next(of.Length)];
}
