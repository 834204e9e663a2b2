using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Overture.Cli.Output;

/// <summary>A template that is not one.</summary>
/// <param name="rule">What is wrong.</param>
/// <param name="position">Of the character, from 1.</param>
internal sealed class JsonPathException(string rule, int position) : Exception($"character {position}: {rule}");

/// <summary>
/// kubectl's JSONPath templates over the JSON of an answer: text with {.a.b}, {.list[*].c}, [N], [from:to:step], ['key'], ..key, a filter
/// [?(@.x=="y")], {range …}…{end} and literals {"\n"}. What is not there gives nothing; several results
/// have a space between them.
/// </summary>
internal sealed class JsonPath
{
    private readonly IReadOnlyList<Part> parts;

    private JsonPath(IReadOnlyList<Part> parts) => this.parts = parts;

    /// <exception cref="JsonPathException">With the position.</exception>
    public static JsonPath Parse(string template) => new(new JsonPathParser(template).Template());

    /// <param name="root">The whole answer.</param>
    /// <param name="clean">How a value is made fit for where it goes.</param>
    public string Evaluate(Value root, Func<string, string> clean)
    {
        var text = new StringBuilder();
        Write(parts, root, root, text, clean);
        return text.ToString();
    }

    private static void Write(IReadOnlyList<Part> parts, Value root, Value current, StringBuilder text, Func<string, string> clean)
    {
        foreach (var part in parts)
        {
            switch (part)
            {
                case Literal literal:
                    text.Append(literal.Text);
                    break;
                case Range range:
                    foreach (var item in range.Path.Of(root, current))
                        Write(range.Body, root, item, text, clean);
                    break;
                case Path path:
                    text.AppendJoin(' ', path.Of(root, current).Select(v => clean(Written(v))));
                    break;
            }
        }
    }

    /// <summary>A text without quotes; anything else as JSON.</summary>
    private static string Written(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.NumberValue => value.NumberValue.ToString("R", CultureInfo.InvariantCulture),
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        Value.KindOneofCase.StructValue => Rendering.Json(value.StructValue, indented: false),
        Value.KindOneofCase.ListValue => Rendering.Json(value.ListValue, indented: false),
        _ => "",
    };

    public abstract record Part;

    public sealed record Literal(string Text) : Part;

    public sealed record Range(Path Path, IReadOnlyList<Part> Body) : Part;

    /// <param name="FromRoot">It begins with $: within a range, what is not begins at the item.</param>
    /// <param name="Steps">One after the other.</param>
    public sealed record Path(bool FromRoot, IReadOnlyList<Step> Steps) : Part
    {
        public IEnumerable<Value> Of(Value root, Value current) =>
            Steps.Aggregate<Step, IEnumerable<Value>>([FromRoot ? root : current],
                (found, step) => found.SelectMany(v => step.From(v, root)));
    }

    public abstract record Step
    {
        public abstract IEnumerable<Value> From(Value value, Value root);

        protected static IEnumerable<Value> Children(Value value) => value.KindCase switch
        {
            Value.KindOneofCase.StructValue => value.StructValue.Fields.Values,
            Value.KindOneofCase.ListValue => value.ListValue.Values,
            _ => [],
        };
    }

    public sealed record Key(string Name) : Step
    {
        public override IEnumerable<Value> From(Value value, Value root) =>
            value.KindCase == Value.KindOneofCase.StructValue && value.StructValue.Fields.TryGetValue(Name, out var field) ? [field] : [];
    }

    public sealed record All : Step
    {
        public override IEnumerable<Value> From(Value value, Value root) => Children(value);
    }

    /// <summary>..name: wherever it is below.</summary>
    public sealed record Below(Step Sought) : Step
    {
        public override IEnumerable<Value> From(Value value, Value root) =>
            Sought.From(value, root).Concat(Children(value).SelectMany(c => From(c, root)));
    }

    public sealed record Slice(int? First, int? End, int Stride) : Step
    {
        public override IEnumerable<Value> From(Value value, Value root)
        {
            if (value.KindCase != Value.KindOneofCase.ListValue)
                yield break;
            var items = value.ListValue.Values;
            var end = Math.Min(items.Count, Place(End ?? items.Count, items.Count));
            for (var i = Math.Max(0, Place(First ?? 0, items.Count)); i < end; i += Stride)
                yield return items[i];
        }

        private static int Place(int index, int count) => index < 0 ? index + count : index;
    }

    public sealed record Union(IReadOnlyList<Step> Steps) : Step
    {
        public override IEnumerable<Value> From(Value value, Value root) => Steps.SelectMany(s => s.From(value, root));
    }

    /// <param name="Left">What is looked at.</param>
    /// <param name="Operator">Empty: it is enough that the left side is there.</param>
    /// <param name="Right">What it is compared with.</param>
    public sealed record Filter(Operand Left, string Operator, Operand? Right) : Step
    {
        public override IEnumerable<Value> From(Value value, Value root) => Children(value).Where(item => Fits(item, root));

        private bool Fits(Value item, Value root)
        {
            var left = Left.Of(root, item);
            if (Right is null)
                return left is not null;
            if (left is null || Right.Of(root, item) is not { } right)
                return false;
            if (Operator is "==" or "!=")
                return (Order(left, right) is { } equal ? equal == 0 : left.Equals(right)) == (Operator == "==");
            return Order(left, right) is { } order && Operator switch
            {
                "<" => order < 0,
                "<=" => order <= 0,
                ">" => order > 0,
                _ => order >= 0,
            };
        }

        // Proto JSON has 64-bit numbers as texts: beside a number, a text of digits is one.
        private static int? Order(Value left, Value right) =>
            left.KindCase == Value.KindOneofCase.NumberValue || right.KindCase == Value.KindOneofCase.NumberValue
                ? Number(left) is { } a && Number(right) is { } b ? a.CompareTo(b) : null
                : left.KindCase == Value.KindOneofCase.StringValue && right.KindCase == Value.KindOneofCase.StringValue
                    ? string.CompareOrdinal(left.StringValue, right.StringValue) : null;

        private static double? Number(Value value) => value.KindCase switch
        {
            Value.KindOneofCase.NumberValue => value.NumberValue,
            Value.KindOneofCase.StringValue when double.TryParse(value.StringValue, NumberStyles.Float, CultureInfo.InvariantCulture,
                out var number) => number,
            _ => null,
        };
    }

    /// <summary>One side of a comparison: a path, or a constant.</summary>
    public sealed record Operand(Path? Path, Value? Constant)
    {
        public Value? Of(Value root, Value item) => Constant ?? Path!.Of(root, item).FirstOrDefault();
    }
}
