using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Overture.Platform.Options;

/// <summary>Options as people read them: the commented file in /etc/overture, and the reference in docs/options.md.</summary>
internal static class OptionText
{
    private const int Width = 120;
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Every key, below its description and behind a #, with its default: a key without the # is one that this host decides itself, and a
    /// default that a later version changes reaches it. `overture setup` reads and edits this very form.
    /// </summary>
    public static string Yaml(string service, OptionSection all)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"# Options of Overture's {service}. A line behind a # shows a default: take the # away, change the value. docs/options.md\n");
        Yaml(text, all, "");
        return text.ToString().TrimEnd('\n');
    }

    private static void Yaml(StringBuilder text, OptionSection section, string indent)
    {
        // A section's own keys first: below an inner section they would be taken for that one's.
        foreach (var part in section.Parts.OrderBy(p => p is OptionSection))
        {
            switch (part)
            {
                case OptionEntry option:
                    Comment(text, indent, option.Description);
                    text.Append(indent).Append('#').Append(Last(option.Path!)).Append(':')
                        .Append(option.Default is null ? "" : " " + Value(option.Default)).Append('\n');
                    break;
                case OptionSection { Parts: [OptionSection named] } chosen when Last(named.Path) == "NAME":
                    text.Append('\n');
                    Comment(text, indent, chosen.Description);
                    foreach (var option in named.Entries())
                        Comment(text, indent, $"{Last(option.Path!)}: {option.Description}");
                    text.Append(indent).Append(Last(chosen.Path)).Append(":\n").Append(indent).Append("  #NAME: { ")
                        .AppendJoin(", ", named.Entries().Select(o => $"{Last(o.Path!)}: {Value(o.Default)}")).Append(" }\n");
                    break;
                case OptionSection inner:
                    text.Append('\n');
                    Comment(text, indent, inner.Description);
                    text.Append(indent).Append(Last(inner.Path)).Append(":\n");
                    Yaml(text, inner, indent + "  ");
                    break;
            }
        }
    }

    /// <summary>A table of every option, and the standard variables.</summary>
    public static string Markdown(OptionSection all, IEnumerable<string> variables)
    {
        var text = new StringBuilder("| option | type | default | what |\n| --- | --- | --- | --- |\n");
        foreach (var option in all.Entries())
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| `{option.Path}` | {option.Type} | {Shown(option.Default)} | {Cell(option.Description)} |\n");
        }
        text.Append("\nVariables of the environment without a key in the file: ")
            .AppendJoin(", ", variables.Select(v => $"`{v}`")).Append('.');
        return text.ToString();
    }

    /// <summary>A default as a reference shows it, in backticks; empty: none.</summary>
    public static string Shown(object? value) => value switch
    {
        null or "" or IReadOnlyList<string> { Count: 0 } => "",
        // Where the program lies differs from host to host.
        string path when path.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal) => $"`{Path.GetFileName(path)}`",
        IReadOnlyList<string> list => $"`{string.Join(", ", list)}`",
        _ => $"`{Value(value).Trim('"')}`",
    };

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|", StringComparison.Ordinal);

    private static string Last(string path) => path[(path.LastIndexOf('.') + 1)..];

    // JSON's strings and lists are YAML's, durations need no quotes.
    private static string Value(object? value) =>
        value is string text && text.Length > 1 && char.IsAsciiDigit(text[0]) && text.All(char.IsAsciiLetterOrDigit)
            && char.IsAsciiLetter(text[^1]) ? text : JsonSerializer.Serialize(value ?? "", Json);

    private static void Comment(StringBuilder text, string indent, string? words)
    {
        var line = indent + "#";
        foreach (var word in (words ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length + word.Length >= Width)
            {
                text.Append(line).Append('\n');
                line = indent + "#";
            }
            line += " " + word;
        }
        if (line.Length > indent.Length + 1)
            text.Append(line).Append('\n');
    }
}
