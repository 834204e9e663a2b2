using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace Overture.Cli.Output;

internal enum OutputFormat
{
    Table,
    Json,
    Yaml,
}

/// <summary>stdout is data, stderr is talk.</summary>
internal sealed class Printer(OutputFormat format)
{
    public OutputFormat Format { get; } = format;
    private bool IsTerminal { get; } = !Console.IsOutputRedirected;

    /// <summary>The answer: as a table for people, or the message itself as one document.</summary>
    public void Answer(IMessage message, Action<Printer> table)
    {
        switch (Format)
        {
            case OutputFormat.Json:
                Console.Out.WriteLine(Rendering.Json(message, IsTerminal));
                break;
            case OutputFormat.Yaml:
                Console.Out.Write(Rendering.Yaml(message));
                break;
            default:
                table(this);
                break;
        }
    }

    /// <summary>
    /// A table: drawn on a terminal where it fits, else plain aligned columns (cut, awk): a certname cut off by a border is no use.
    /// </summary>
    public void Table(string[] headings, IEnumerable<string[]> rows)
    {
        var clean = rows.Select(r => r.Select(Printable.Line).ToArray()).ToList();
        var widths = headings.Select((h, i) => clean.Select(r => r[i].Length).Append(h.Length).Max()).ToArray();
        if (IsTerminal && widths.Sum(w => w + 3) + 1 <= AnsiConsole.Profile.Width)
        {
            var table = new Table().Border(TableBorder.Rounded);
            foreach (var heading in headings)
                table.AddColumn(new TableColumn(new Text(heading)).NoWrap());
            foreach (var row in clean)
                table.AddRow(row.Select(c => new Text(c)).ToArray<Spectre.Console.Rendering.IRenderable>());
            AnsiConsole.Write(table);
            return;
        }
        foreach (var row in clean.Prepend(headings))
            Console.Out.WriteLine(string.Join("  ", row.Select((c, i) => c.PadRight(widths[i]))).TrimEnd());
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
            Console.Error.WriteLine(Printable.Line(line));
    }

    /// <summary>An error, on stderr: in words, or with -o json as one object {"error": {...}}.</summary>
    public void Error(Failure failure)
    {
        if (Format == OutputFormat.Json)
        {
            Console.Error.WriteLine(Rendering.Json(ErrorDocument(failure), indented: false));
            return;
        }
        Say($"error: {failure.Message}");
        foreach (var field in failure.Fields)
            Say($"  {field.Field}: {field.Rule}");
        if (failure.Reason.Length > 0 || failure.TraceId.Length > 0)
        {
            var trace = failure.TraceId.Length > 0 ? $" (trace {failure.TraceId})" : "";
            Say($"reason: {(failure.Reason.Length > 0 ? failure.Reason : failure.Code)}{trace}");
        }
        if (failure.Next.Length > 0)
            Say($"next: {failure.Next}");
    }

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
