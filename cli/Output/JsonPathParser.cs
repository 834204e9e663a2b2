using System.Globalization;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace Overture.Cli.Output;

/// <summary>Reads a template of <see cref="JsonPath"/>, one character after the other.</summary>
internal sealed class JsonPathParser(string text)
{
    private const string EndsName = ".[]{}()'\"=!<>, \t\r\n";
    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "<", ">"];
    private int at;

    private bool IsEnd => at >= text.Length;

    /// <exception cref="JsonPathException">With the position.</exception>
    public IReadOnlyList<JsonPath.Part> Template()
    {
        if (!text.Contains('{', StringComparison.Ordinal))
            throw Wrong($"there is no {{…}} in it; did you mean {{{(text.StartsWith('.') ? "" : ".")}{text}}}?");
        var parts = Parts(opened: -1);
        return IsEnd ? parts : throw Wrong("{end} without a {range}");
    }

    // Up to the end of the text, or the {end} of the range that was opened there.
    private List<JsonPath.Part> Parts(int opened)
    {
        var parts = new List<JsonPath.Part>();
        while (!IsEnd)
        {
            var brace = text.IndexOf('{', at);
            if (brace != at)
            {
                parts.Add(new JsonPath.Literal(text[at..(brace < 0 ? text.Length : brace)]));
                at = brace < 0 ? text.Length : brace;
                continue;
            }
            if (IsWord("end", at + 1, out var behind))
            {
                if (opened < 0)
                    return parts;
                at = behind;
                Expect('}');
                return parts;
            }
            at++;
            parts.Add(Block());
        }
        return opened < 0 ? parts : throw new JsonPathException("the {range} that begins here has no {end}", opened + 1);
    }

    private JsonPath.Part Block()
    {
        var opened = at - 1;
        Spaces();
        if (!IsEnd && text[at] is '"' or '\'')
        {
            var literal = new JsonPath.Literal(Quoted());
            Expect('}');
            return literal;
        }
        var isRange = IsWord("range", at, out var behind);
        if (isRange)
            at = behind;
        var path = Path();
        Expect('}');
        return isRange ? new JsonPath.Range(path, Parts(opened)) : path;
    }

    private JsonPath.Path Path()
    {
        Spaces();
        var fromRoot = !IsEnd && text[at] == '$';
        var begins = at;
        if (!IsEnd && text[at] is '$' or '@')
            at++;
        var steps = new List<JsonPath.Step>();
        while (!IsEnd && text[at] is '.' or '[')
        {
            if (text[at] == '[')
                steps.Add(Brackets());
            else if (Take(".."))
                steps.Add(new JsonPath.Below(!IsEnd && text[at] == '[' ? Brackets() : Name()));
            else if (Take(".") && !IsEnd && text[at] != '[' && (text[at] != '}' || steps.Count > 0))
                steps.Add(Name());
        }
        return at > begins ? new JsonPath.Path(fromRoot, steps) : throw Wrong(IsEnd ? "the { is not closed"
            : $"'{text[at]}' begins no path; a path begins with a dot: {{.certname}}");
    }

    private JsonPath.Step Name()
    {
        if (Take("*"))
            return new JsonPath.All();
        var name = new StringBuilder();
        for (; !IsEnd && !EndsName.Contains(text[at], StringComparison.Ordinal); at++)
        {
            // A dot within a name: {.labels.example\.com/team}.
            if (text[at] == '\\' && at + 1 < text.Length)
                at++;
            name.Append(text[at]);
        }
        return name.Length > 0 ? new JsonPath.Key(name.ToString()) : throw Wrong("a name is missing");
    }

    private JsonPath.Step Brackets()
    {
        var opened = at++;
        Spaces();
        if (IsWord("?(", at, out var behind))
        {
            at = behind;
            var filter = Filter();
            Expect(')');
            Close(opened);
            return filter;
        }
        var steps = new List<JsonPath.Step>();
        do
        {
            Spaces();
            steps.Add(Take("*") ? new JsonPath.All() : !IsEnd && text[at] is '"' or '\'' ? new JsonPath.Key(Quoted()) : Slice());
            Spaces();
        }
        while (Take(","));
        Close(opened);
        return steps is [var only] ? only : new JsonPath.Union(steps);
    }

    private JsonPath.Slice Slice()
    {
        var begins = at;
        var first = Number();
        if (!Take(":"))
        {
            return first is { } index ? new JsonPath.Slice(index, index == -1 ? null : index + 1, 1)
                : throw new JsonPathException("must be *, a number, a slice, a 'key' or a filter ?(@.key==\"value\")", begins + 1);
        }
        var end = Number();
        var stride = Take(":") ? Number() ?? 1 : 1;
        return stride > 0 ? new JsonPath.Slice(first, end, stride)
            : throw new JsonPathException("the step of a slice must be 1 or more", begins + 1);
    }

    private JsonPath.Filter Filter()
    {
        var left = Operand();
        Spaces();
        if (Operators.FirstOrDefault(Take) is not { } comparison)
            return new JsonPath.Filter(left, "", null);
        return new JsonPath.Filter(left, comparison, Operand());
    }

    private JsonPath.Operand Operand()
    {
        Spaces();
        if (IsEnd)
            throw Wrong("a comparison ends here");
        if (text[at] is '"' or '\'')
            return new JsonPath.Operand(null, Value.ForString(Quoted()));
        if (text[at] is '@' or '$' or '.')
            return new JsonPath.Operand(Path(), null);
        var begins = at;
        while (!IsEnd && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '-' or '+' or '.'))
            at++;
        return text[begins..at] switch
        {
            "true" => new JsonPath.Operand(null, Value.ForBool(true)),
            "false" => new JsonPath.Operand(null, Value.ForBool(false)),
            "null" => new JsonPath.Operand(null, Value.ForNull()),
            var word when double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) =>
                new JsonPath.Operand(null, Value.ForNumber(number)),
            _ => throw new JsonPathException("must be @.key, a \"text\", a number, true, false or null", begins + 1),
        };
    }

    private string Quoted()
    {
        var (opened, quote) = (at, text[at++]);
        var literal = new StringBuilder();
        for (; !IsEnd && text[at] != quote; at++)
        {
            if (text[at] != '\\' || at + 1 == text.Length)
                literal.Append(text[at]);
            else
                literal.Append(text[++at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other });
        }
        if (IsEnd)
            throw new JsonPathException($"the {quote} that begins here is not closed", opened + 1);
        at++;
        return literal.ToString();
    }

    private int? Number()
    {
        Spaces();
        var begins = at;
        if (!IsEnd && text[at] == '-')
            at++;
        while (!IsEnd && char.IsAsciiDigit(text[at]))
            at++;
        if (at == begins)
            return null;
        return int.TryParse(text[begins..at], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number : throw new JsonPathException("is no whole number", begins + 1);
    }

    private bool Take(string what)
    {
        if (string.CompareOrdinal(text, at, what, 0, what.Length) != 0)
            return false;
        at += what.Length;
        return true;
    }

    private bool IsWord(string word, int from, out int behind)
    {
        while (from < text.Length && char.IsWhiteSpace(text[from]))
            from++;
        behind = from + word.Length;
        return string.CompareOrdinal(text, from, word, 0, word.Length) == 0
            && (!char.IsLetter(word[^1]) || behind >= text.Length || !char.IsLetterOrDigit(text[behind]));
    }

    private void Spaces()
    {
        while (!IsEnd && char.IsWhiteSpace(text[at]))
            at++;
    }

    private void Close(int opened)
    {
        Spaces();
        if (IsEnd)
            throw new JsonPathException("the [ that begins here is not closed", opened + 1);
        Expect(']');
    }

    private void Expect(char wanted)
    {
        Spaces();
        if (IsEnd || text[at] != wanted)
            throw Wrong(IsEnd ? $"a {wanted} is missing" : $"'{text[at]}' where {wanted} is expected");
        at++;
    }

    private JsonPathException Wrong(string rule) => new(rule, Math.Min(at, text.Length) + 1);
}
