using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace Overture.Cli.Output;

internal enum OutputFormat
{
    /// <summary>-o wide is one too.</summary>
    Table,
    Name,
    Json,
    Yaml,
    JsonPath,
}

/// <summary>How answers are wanted.</summary>
/// <param name="Format">Of -o.</param>
/// <param name="IsWide">A table has its further columns.</param>
/// <param name="Headings">A table has its headings.</param>
/// <param name="Path">The template of -o jsonpath=.</param>
internal sealed record OutputChoice(OutputFormat Format, bool IsWide = false, bool Headings = true, JsonPath? Path = null);

/// <summary>stdout is data, stderr is talk.</summary>
internal sealed class Printer(OutputChoice choice)
{
    public OutputFormat Format { get; } = choice.Format;
    private bool IsTerminal { get; } = !Console.IsOutputRedirected;

    // Without NO_COLOR (no-color.org) and a terminal that knows colors.
    private static bool HasColor { get; } = !Console.IsErrorRedirected
        && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
        && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>The answer: as a table for people, its names, or the message itself as one document.</summary>
    /// <param name="message">What the service answered.</param>
    /// <param name="table">Prints it for people.</param>
    /// <param name="names">For -o name; null: those that <see cref="Identifiers"/> finds in it.</param>
    public void Answer(IMessage message, Action<Printer> table, IEnumerable<string>? names = null)
    {
        switch (Format)
        {
            case OutputFormat.Name:
                foreach (var name in names ?? Identifiers.Of(Rendering.Tree(message)))
                    Console.Out.WriteLine(Printable.Line(name));
                break;
            case OutputFormat.Json:
                Console.Out.WriteLine(Rendering.Json(message, IsTerminal));
                break;
            case OutputFormat.Yaml:
                Console.Out.Write(Rendering.Yaml(message));
                break;
            case OutputFormat.JsonPath:
                Document(choice.Path!.Evaluate(Value.ForStruct(Rendering.Tree(message)), IsTerminal ? Printable.Line : t => t));
                break;
            default:
                table(this);
                break;
        }
    }

    /// <summary>
    /// A table: drawn on a terminal where it fits, else plain aligned columns (cut, awk); where those are too wide for the terminal, the
    /// widest are shortened in the middle. What goes into a pipe is whole.
    /// </summary>
    /// <param name="columns">Those of -o wide too.</param>
    /// <param name="rows">A cell for each column.</param>
    public void Table(Column[] columns, IEnumerable<string[]> rows)
    {
        var shown = Enumerable.Range(0, columns.Length).Where(i => choice.IsWide || !columns[i].IsWide).ToList();
        var headings = shown.Select(i => columns[i].Heading).ToArray();
        var clean = rows.Select(r => shown.Select(i => Printable.Line(r[i])).ToArray()).ToList();
        var widths = headings.Select((h, i) => clean.Select(r => r[i].Length).Append(choice.Headings ? h.Length : 0).Max()).ToArray();
        var width = AnsiConsole.Profile.Width;
        if (IsTerminal && choice.Headings && widths.Sum(w => w + 3) + 1 <= width)
        {
            var table = new Table().Border(TableBorder.Rounded);
            foreach (var heading in headings)
                table.AddColumn(new TableColumn(new Text(heading)).NoWrap());
            foreach (var row in clean)
                table.AddRow(row.Select(c => new Text(c)).ToArray<Spectre.Console.Rendering.IRenderable>());
            AnsiConsole.Write(table);
            return;
        }
        if (IsTerminal)
            widths = TableText.Fit(widths, width - (2 * (widths.Length - 1)));
        foreach (var row in choice.Headings ? clean.Prepend(headings) : clean)
        {
            var line = string.Join("  ", row.Select((c, i) => TableText.Shorten(c, widths[i]).PadRight(widths[i]))).TrimEnd();
            Console.Out.WriteLine(IsTerminal ? TableText.Shorten(line, width) : line);
        }
    }

    /// <summary>Name and value, a pair a line; pairs without value are left out.</summary>
    public static void Facts(params (string Name, string Value)[] facts)
    {
        var shown = facts.Where(f => f.Value.Length > 0).ToList();
        var width = shown.Select(f => f.Name.Length).DefaultIfEmpty(0).Max();
        foreach (var (name, value) in shown)
            Console.Out.WriteLine($"{name.PadRight(width)}  {Printable.Line(value)}");
    }

    /// <summary>A document as it is (user data, a definition): never re-wrapped, because it may be piped into a file.</summary>
    public static void Document(string text) => Console.Out.Write(text.EndsWith('\n') || text.Length == 0 ? text : text + "\n");

    /// <summary>Talk, on stderr.</summary>
    public static void Say(params string[] lines)
    {
        foreach (var line in lines)
            Console.Error.WriteLine(Printable.Sentence(line));
    }

    /// <summary>An error, on stderr: in words, or with -o json as one object {"error": {...}}.</summary>
    public void Error(Failure failure)
    {
        if (Format == OutputFormat.Json)
        {
            Console.Error.WriteLine(Rendering.Json(ErrorDocument(failure), indented: false));
            return;
        }
        Console.Error.WriteLine($"{(HasColor ? "\e[31merror:\e[0m" : "error:")} {Printable.Sentence(MessageOf(failure))}");
        if (!failure.IsItsFields || failure.Fields.Count > 1)
            Say([.. failure.Fields.Distinct().Select(f => $"  {f.Field}: {f.Rule}")]);
        if (failure.Reason.Length > 0 || failure.TraceId.Length > 0)
        {
            var trace = failure.TraceId.Length > 0 ? $" (trace {failure.TraceId})" : "";
            Say($"reason: {(failure.Reason.Length > 0 ? failure.Reason : failure.Code)}{trace}");
        }
        if (failure.Next.Length > 0)
            Say($"next: {failure.Next}");
    }

    // No sentence twice: of several fields, each has a line of its own.
    private static string MessageOf(Failure failure) =>
        failure.IsItsFields && failure.Fields.Count > 1 ? $"{failure.Fields.Count} fields are refused" : failure.Message;

    private static Struct ErrorDocument(Failure failure) => new()
    {
        Fields =
        {
            ["error"] = Value.ForStruct(new Struct
            {
                Fields =
                {
                    ["message"] = Value.ForString(failure.Message),
                    ["code"] = Value.ForString(failure.Code),
                    ["reason"] = Value.ForString(failure.Reason),
                    ["traceId"] = Value.ForString(failure.TraceId),
                    ["fields"] = Value.ForList([.. failure.Fields.Select(f => Value.ForStruct(new Struct
                    {
                        Fields = { ["field"] = Value.ForString(f.Field), ["description"] = Value.ForString(f.Rule) },
                    }))]),
                    ["next"] = Value.ForString(failure.Next),
                    ["exitCode"] = Value.ForNumber(failure.Exit),
                },
            }),
        },
    };
}
