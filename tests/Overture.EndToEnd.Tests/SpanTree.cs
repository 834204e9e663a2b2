using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// All spans of a trace as text: a line a span, indented below its parent, with its service, and "error" where its status is that. Each
/// span that arrived has its line, so that one that came twice, has another parent or has none that arrived makes another text.
/// </summary>
internal static class SpanTree
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    /// <summary>Children in the order of their names; those whose parent did not arrive come last, marked "orphan".</summary>
    public static string Of(IReadOnlyList<ReceivedSpan> spans)
    {
        var ids = spans.Select(s => s.SpanId).ToHashSet(StringComparer.Ordinal);
        var lines = Below("", "").Concat(spans.Where(s => s.ParentId.Length > 0 && !ids.Contains(s.ParentId))
            .OrderBy(s => s.Name, StringComparer.Ordinal).Select(s => $"orphan {Line(s)}"));
        return string.Join('\n', lines);

        IEnumerable<string> Below(string parent, string indent) => spans.Where(s => s.ParentId == parent)
            .Select(s => (Own: indent + Line(s), Others: Below(s.SpanId, indent + "  ").ToList()))
            .OrderBy(s => s.Own, StringComparer.Ordinal).SelectMany(s => s.Others.Prepend(s.Own));
    }

    /// <summary>Waits until the trace is this tree.</summary>
    public static async Task Becomes(OtlpReceiver otlp, string trace, string expected)
    {
        try
        {
            await Eventually.True(() => Of(otlp.Trace(trace)) == expected, "the whole tree", Limit);
        }
        catch (TimeoutException)
        {
            Assert.Equal(expected, Of(otlp.Trace(trace)));
        }
    }

    private static string Line(ReceivedSpan span) =>
        $"{span.Name} {span.Service["overture-".Length..]}{(span.IsError ? " error" : "")}";
}
