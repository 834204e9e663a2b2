using System.Text;
using System.Text.Json;

namespace Overture.Conductor.FirstBoot;

/// <summary>A stage of cloud-init by the instance's clock.</summary>
/// <param name="Name">init-local, init, modules-config or modules-final.</param>
/// <param name="Ended">Null: it had not.</param>
internal sealed record ReportedStage(string Name, DateTimeOffset Started, DateTimeOffset? Ended, IReadOnlyList<string> Errors);

/// <summary>A line of its agent by the instance's clock.</summary>
/// <param name="Level">err or warning.</param>
internal sealed record ReportedLine(DateTimeOffset At, string Level, string Text);

/// <summary>
/// What an instance sends (Launch/reporter.py): {"time": seconds since 1970, "stages": [{"name", "start", "end", "errors"}],
/// "said": [{"at", "level", "text"}]}. A stranger's text until its token is checked, and an instance's own words after that: bounded.
/// </summary>
internal sealed record FirstBootReport(DateTimeOffset Time, IReadOnlyList<ReportedStage> Stages, IReadOnlyList<ReportedLine> Said)
{
    public const int MaxBytes = 32 * 1024;
    private const int MaxErrors = 3, MaxLines = 20, MaxText = 300, MaxDepth = 5;
    private const double FirstSecond = 946_684_800, LastSecond = 4_102_444_800; // of the years 2000 and 2100: other clocks say nothing
    private static readonly string[] StageNames = ["init-local", "init", "modules-config", "modules-final"], Levels = ["err", "warning"];

    /// <exception cref="InvalidDataException">It is none; the message holds nothing of it.</exception>
    public static FirstBootReport Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = MaxDepth });
            var root = document.RootElement;
            return new FirstBootReport(
                At(root.GetProperty("time")),
                [.. Items(root, "stages").Take(StageNames.Length).Select(Stage)],
                [.. Items(root, "said").TakeLast(MaxLines).Select(Line).Where(l => Levels.Contains(l.Level))]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException("not a first-boot report");
        }
    }

    private static IEnumerable<JsonElement> Items(JsonElement of, string name) =>
        of.TryGetProperty(name, out var list) && list.ValueKind != JsonValueKind.Null ? list.EnumerateArray() : [];

    private static ReportedStage Stage(JsonElement stage)
    {
        var name = stage.GetProperty("name").GetString();
        var end = stage.TryGetProperty("end", out var ended) && ended.ValueKind == JsonValueKind.Number ? At(ended) : (DateTimeOffset?)null;
        return StageNames.Contains(name)
            ? new ReportedStage(name!, At(stage.GetProperty("start")), end, [.. Items(stage, "errors").Take(MaxErrors).Select(Text)])
            : throw new FormatException();
    }

    private static ReportedLine Line(JsonElement line)
    {
        return new ReportedLine(At(line.GetProperty("at")), line.GetProperty("level").GetString() ?? "", Text(line.GetProperty("text")));
    }

    private static DateTimeOffset At(JsonElement number) => number.GetDouble() is >= FirstSecond and < LastSecond and var seconds
        ? DateTimeOffset.UnixEpoch.AddMilliseconds(Math.Floor(seconds * 1000)) : throw new FormatException();

    private static string Text(JsonElement text) => string.Concat((text.GetString() ?? "").EnumerateRunes().Take(MaxText)
        .Select(r => Rune.IsControl(r) ? " " : r.ToString())).Trim();
}
