using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Conductor.Reports;

/// <summary>
/// Reads a report as a stream of YAML events: nothing is built of what we do not want, Ruby's tags are passed over, and an alias is worth the
/// scalar it names or nothing, so neither depth nor breadth nor self-reference can hurt (threats T70-T72).
/// </summary>
internal sealed class ReportReader
{
    private const int MostDepth = 64, MostEvents = 5_000_000, MostAnchors = 10_000, LongestScalar = 8 * 1024;
    private static readonly string[] ErrorLevels = ["err", "alert", "emerg", "crit"];

    private readonly Parser parser;
    private readonly Dictionary<string, string> anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> fields = new(StringComparer.Ordinal);
    private string firstError = "";
    private int events;
    private int depth;

    private ReportReader(TextReader text) => parser = new Parser(text);

    /// <exception cref="InvalidDataException">Not a report; the message says why and holds nothing of it.</exception>
    public static ReportSummary Read(Stream stream)
    {
        using var text = new StreamReader(stream, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true, leaveOpen: true);
        try
        {
            return new ReportReader(text).Document();
        }
        catch (YamlException e)
        {
            throw new InvalidDataException($"not YAML at line {e.Start.Line}, column {e.Start.Column}");
        }
    }

    private ReportSummary Document()
    {
        Expect<StreamStart>();
        Expect<DocumentStart>();
        Expect<MappingStart>();
        while (Next() is not MappingEnd)
        {
            var key = Text(parser.Current!);
            if (key == "logs")
                Logs();
            else
                Field(key);
        }
        return new ReportSummary
        {
            Host = Of("host"),
            Status = Of("status"),
            TransactionCompleted = Of("transaction_completed"),
            TransactionUuid = Of("transaction_uuid"),
            Noop = Of("noop"),
            CachedCatalogStatus = Of("cached_catalog_status"),
            Environment = Of("environment"),
            Time = Of("time"),
            FirstError = firstError,
        };
    }

    private string Of(string key) => fields.GetValueOrDefault(key, "");

    private void Field(string? key)
    {
        var value = Value();
        if (key is null || value is null)
            return;
        if (!fields.TryAdd(key, value))
            throw new InvalidDataException("a key stands twice");
    }

    // A list of maps with level and message.
    private void Logs()
    {
        if (Next() is not SequenceStart)
        {
            Skip();
            return;
        }
        while (Next() is not SequenceEnd)
        {
            if (parser.Current is not MappingStart)
            {
                Skip();
                continue;
            }
            string? level = null, message = null;
            while (Next() is not MappingEnd)
            {
                var key = Text(parser.Current!);
                var value = Value();
                if (key == "level")
                    level = value?.TrimStart(':');
                else if (key == "message")
                    message = value;
            }
            if (firstError.Length == 0 && ErrorLevels.Contains(level))
                firstError = message ?? "";
        }
    }

    // The value that follows: a scalar's text, or null for what was skipped.
    private string? Value()
    {
        Next();
        return Text(parser.Current!);
    }

    // The text of a scalar (or of one that an alias names); all else is skipped whole.
    private string? Text(ParsingEvent current)
    {
        switch (current)
        {
            case Scalar scalar:
                return scalar.Value.Length <= LongestScalar ? scalar.Value : scalar.Value[..LongestScalar];
            case AnchorAlias alias:
                return anchors.GetValueOrDefault(alias.Value.Value);
            default:
                Skip();
                return null;
        }
    }

    // To the end of the collection that the current event opens.
    private void Skip()
    {
        if (parser.Current is not (SequenceStart or MappingStart))
            return;
        for (var outside = depth - 1; depth > outside;)
            Next();
    }

    private void Expect<T>() where T : ParsingEvent
    {
        if (Next() is not T)
            throw new InvalidDataException("not one mapping");
    }

    private ParsingEvent Next()
    {
        if (!parser.MoveNext() || parser.Current is not { } current)
            throw new InvalidDataException("ends early");
        if (++events > MostEvents)
            throw new InvalidDataException("has too many nodes");
        if (current is SequenceStart or MappingStart && ++depth > MostDepth)
            throw new InvalidDataException("is nested too deep");
        if (current is SequenceEnd or MappingEnd)
            depth--;
        if (current is Scalar { Anchor.IsEmpty: false } named && named.Value.Length <= LongestScalar && anchors.Count < MostAnchors)
            anchors[named.Anchor.Value] = named.Value;
        return current;
    }
}
