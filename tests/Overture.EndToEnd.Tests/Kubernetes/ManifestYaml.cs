using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Overture.EndToEnd.Tests.Kubernetes;

/// <summary>
/// Manifests as Kubernetes reads them. A plain word that YAML 1.1 takes for a boolean and 1.2 for a string is refused: readers differ.
/// </summary>
internal static partial class ManifestYaml
{
    /// <exception cref="InvalidDataException">An ambiguous word; a document that is no mapping.</exception>
    public static IReadOnlyList<JsonObject> Read(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return [.. yaml.Documents.Select(d => Node(d.RootNode) as JsonObject
            ?? throw new InvalidDataException("a document is no mapping"))];
    }

    private static JsonNode? Node(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Node(c.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Node)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value!),
        _ => JsonValue.Create(((YamlScalarNode)node).Value),
    };

    private static JsonNode? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" => JsonValue.Create(true),
        "false" => JsonValue.Create(false),
        _ when Ambiguous().IsMatch(text) => throw new InvalidDataException($"the plain word {text}: quote it"),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };

    [GeneratedRegex(@"^(y|n|yes|no|on|off|0[0-7]+|0o[0-7]+|0x[0-9a-f]+)$", RegexOptions.IgnoreCase)]
    private static partial Regex Ambiguous();
}
