using System.Text.Json;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>What a puppetserver has for nodes: its environments, and the classes of those that were asked for and are there.</summary>
internal sealed record PuppetCode(IReadOnlySet<string> Environments, IReadOnlyDictionary<string, EnvironmentClasses> Asked)
{
    /// <param name="json">Answer of GET /puppet/v3/environments: {"environments": {NAME: …}}.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static IReadOnlySet<string> EnvironmentsOf(byte[] json) =>
        AnswerJson.Read(json,
            root => root.GetProperty("environments").EnumerateObject().Select(e => e.Name).ToHashSet(StringComparer.Ordinal));
}

/// <summary>The classes of one environment.</summary>
/// <param name="Parameters">Of each class, by its name without a leading ::.</param>
/// <param name="Unread">Files that do not parse, so that their classes are unknown: the puppetserver's message for each.</param>
internal sealed record EnvironmentClasses(IReadOnlyDictionary<string, IReadOnlySet<string>> Parameters, IReadOnlyList<string> Unread)
{
    /// <param name="json">Answer of GET /puppet/v3/environment_classes: {"files": [{"path", "classes": [{"name", "params": [{"name"}]}]} or
    /// {"path", "error"}]}.</param>
    /// <exception cref="FormatException">It is something else.</exception>
    public static EnvironmentClasses Parse(byte[] json) => AnswerJson.Read(json, root =>
    {
        var (classes, unread) = (new Dictionary<string, IReadOnlySet<string>>(StringComparer.Ordinal), new List<string>());
        foreach (var file in root.GetProperty("files").EnumerateArray())
        {
            if (file.TryGetProperty("error", out var error))
            {
                unread.Add(PrintableText.Of(error.GetString() ?? ""));
                continue;
            }
            foreach (var one in file.GetProperty("classes").EnumerateArray())
                classes[NameOf(one)] = one.GetProperty("params").EnumerateArray().Select(NameOf).ToHashSet(StringComparer.Ordinal);
        }
        return new EnvironmentClasses(classes, unread);
    });

    private static string NameOf(JsonElement named) => named.GetProperty("name").GetString() ?? throw new FormatException("a name is null");
}

internal static class AnswerJson
{
    public static T Read<T>(byte[] json, Func<JsonElement, T> take)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return take(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException("it does not follow Puppet's API", e);
        }
    }
}
