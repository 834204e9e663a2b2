using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Overture.Conductor.Reports;

/// <summary>
/// Reads a report as a stream of YAML events: nothing is built of what we do not want, Ruby's tags are passed over, and an alias is worth
/// the scalar it names or nothing, so neither depth nor breadth nor self-reference can hurt (threats T70-T72).
/// </summary>
internal sealed class ReportReader
{
    private const int MaxDepth = 64, MaxEvents = 5_000_000, MaxAnchors = 10_000, LongestScalar = 8 * 1024;
    private static readonly string[] ErrorLevels = ["err", "alert", "emerg", "crit"];
    private static readonly string[] LogKeys = ["level", "message", "source", "file", "line", "time"], EventKeys = ["status", "message"];
    private static readonly string[] ResourceKeys = ["resource", "failed", "failed_to_restart", "skipped", "file", "line"];

    // In every catalog.
    private static readonly string[] Added = ["Schedule[puppet]", "Schedule[hourly]", "Schedule[daily]", "Schedule[weekly]",
        "Schedule[monthly]", "Schedule[never]", "Filebucket[puppet]"];

    private readonly Parser parser;
    private readonly Dictionary<string, string> anchors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> fields = new(StringComparer.Ordinal);
    private readonly RunErrors errors = new();
    private int resources, skipped, total;
    private DateTimeOffset? lastLogged;
    private bool hasSchedules, hasFailures;
    private int events;
    private int depth;

    private ReportReader(TextReader text) => parser = new Parser(text);

    /// <exception cref="InvalidDataException">Not a report; the message says why and holds nothing of it.</exception>
    public static ReportSummary Read(Stream stream)
    {
        // Not strictly: a wrong byte in one log line must not keep a node from being converged. What decides is ASCII.
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
            else if (key == "resource_statuses")
                Resources();
            else if (key == "metrics")
                Metrics();
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
            LastLogged = lastLogged,
            NoopPending = Of("noop_pending"),
            Resources = resources + Math.Max(0, total - resources - Added.Length),
            Skipped = skipped,
            HasSchedules = hasSchedules,
            HasFailures = hasFailures,
            Errors = errors.Best(),
        };
    }

    private string Of(string key) => Of(fields, key);

    private static string Of(Dictionary<string, string> map, string key) => map.GetValueOrDefault(key, "");

    private void Field(string? key)
    {
        var value = Value();
        if (key is null || value is null)
            return;
        if (!fields.TryAdd(key, value))
            throw new InvalidDataException("a key appears twice");
    }

    // A list of maps with level, message and where it came from.
    private void Logs()
    {
        foreach (var log in Maps(LogKeys))
        {
            if (DateTimeOffset.TryParse(Of(log, "time"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
                && !(at <= lastLogged))
            {
                lastLogged = at;
            }
            if (ErrorLevels.Contains(Of(log, "level").TrimStart(':')))
                errors.Log(Of(log, "source"), Of(log, "message"), Of(log, "file"), Of(log, "line"));
        }
    }

    // A map of resource to its state; its events hold why it failed.
    private void Resources()
    {
        if (Next() is not MappingStart)
        {
            Skip();
            return;
        }
        while (Next() is not MappingEnd)
        {
            var name = Text(parser.Current!);
            if (Next() is not MappingStart)
            {
                Skip();
                continue;
            }
            var why = "";
            var state = Map(ResourceKeys, key =>
            {
                if (key != "events")
                    return false;
                foreach (var happened in Maps(EventKeys))
                    why = why.Length == 0 && Of(happened, "status") == "failure" ? Of(happened, "message") : why;
                return true;
            });
            var resource = state.GetValueOrDefault("resource", name ?? "");
            Count(resource, Of(state, "skipped") == "true");
            if (Of(state, "failed") == "true" || Of(state, "failed_to_restart") == "true")
            {
                hasFailures = true;
                errors.Resource(resource, why, Of(state, "file"), Of(state, "line"));
            }
        }
    }

    private void Count(string resource, bool isSkipped)
    {
        if (Added.Contains(resource))
            return;
        hasSchedules |= resource.StartsWith("Schedule[", StringComparison.Ordinal);
        resources++;
        skipped += isSkipped ? 1 : 0;
    }

    // What was in order is counted here alone since version 8 (exclude_unchanged_resources), Puppet's own resources too.
    private void Metrics()
    {
        if (Next() is not MappingStart)
        {
            Skip();
            return;
        }
        while (Next() is not MappingEnd)
        {
            if (Text(parser.Current!) != "resources")
                Value();
            else if (Next() is MappingStart)
                Map([], key => key == "values" && Rows());
            else
                Skip();
        }
    }

    // A list of lists: name, label, number.
    private bool Rows()
    {
        if (Next() is not SequenceStart)
        {
            Skip();
            return true;
        }
        while (Next() is not SequenceEnd)
        {
            if (parser.Current is not SequenceStart)
            {
                Skip();
                continue;
            }
            var (name, last) = ("", "");
            while (Next() is not SequenceEnd)
            {
                last = Text(parser.Current!) ?? "";
                name = name.Length == 0 ? last : name;
            }
            if (name == "total" && int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var count))
                total = count;
        }
        return true;
    }

    // The maps of the list that follows, with these keys alone; what is neither is skipped.
    private IEnumerable<Dictionary<string, string>> Maps(string[] keys)
    {
        if (Next() is not SequenceStart)
        {
            Skip();
            yield break;
        }
        while (Next() is not SequenceEnd)
        {
            if (parser.Current is MappingStart)
                yield return Map(keys);
            else
                Skip();
        }
    }

    // The map that was opened.
    private Dictionary<string, string> Map(string[] keys, Func<string?, bool>? other = null)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        while (Next() is not MappingEnd)
        {
            var key = Text(parser.Current!);
            if (other?.Invoke(key) != true && Value() is { } value && keys.Contains(key))
                found[key!] = value;
        }
        return found;
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
        if (++events > MaxEvents)
            throw new InvalidDataException("has too many nodes");
        if (current is SequenceStart or MappingStart && ++depth > MaxDepth)
            throw new InvalidDataException("is nested too deeply");
        if (current is SequenceEnd or MappingEnd)
            depth--;
        if (current is Scalar { Anchor.IsEmpty: false } named && named.Value.Length <= LongestScalar && anchors.Count < MaxAnchors)
            anchors[named.Anchor.Value] = named.Value;
        return current;
    }
}
