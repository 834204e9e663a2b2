using System.Text.Json;
using Newtonsoft.Json.Linq;
using NJsonSchema;
using NJsonSchema.Validation;
using NJsonSchema.Validation.FormatValidators;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Specs;

/// <summary>
/// The shapes of cloud-config's keys, by the JSON schema that cloud-init ships (CloudInit/NOTICE.md). cloud-init itself only logs what
/// breaks it and then leaves out the key, the module, or every command of runcmd. Pure, and no network: the schema is part of the program.
/// </summary>
internal static class CloudConfigSchema
{
    private const string Resource = "cloud-config.schema.json";

    // The schema's patterns backtrack: the time that a text takes grows with the square of its length.
    private const int LongestText = 2048;

    // Read by cloud-init, not in its schema, and near to a key that is.
    private static readonly string[] Unlisted = ["vendor_data2", "ubuntu-advantage"];

    private static readonly Lazy<JsonSchema> Schema = new(Load);

    // Of formats, dates alone: cloud-init checks host names and URIs only where further Python packages are installed.
    private static readonly JsonSchemaValidatorSettings Settings = new() { FormatValidators = [new DateFormatValidator()] };

    private static IReadOnlyCollection<string> Keys => field ??=
        [.. Schema.Value.AllOf.SelectMany(s => s.ActualSchema.Properties.Keys), .. Unlisted];

    /// <summary>Every rule of the schema that a document breaks, and every key that looks like a mistyped one.</summary>
    /// <param name="document">The keys to look at.</param>
    /// <param name="path">Of the document itself, e.g. cloud_config.</param>
    public static IEnumerable<FieldProblem> Check(YamlMap document, string path)
    {
        foreach (var (key, _) in document.Entries)
        {
            if (!Keys.Contains(key.Text) && NearestName.Of(key.Text, Keys) is { } near)
                yield return new($"{path}.{key.Text}", $"is unknown to cloud-init, which would ignore it; is {near} meant?");
        }
        var token = Token(document);
        var findings = new SchemaFindings(Places(token, document, path));
        foreach (var problem in Schema.Value.Validate(token, Settings).SelectMany(findings.Of).DistinctBy(p => p.Field))
            yield return problem;
    }

    // NJsonSchema looks for definitions under draft 4's own name, and splits references at dots too.
    private static JsonSchema Load()
    {
        using var stream = typeof(CloudConfigSchema).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"{Resource} is not built in");
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        using var document = JsonDocument.Parse(text);
        var names = document.RootElement.GetProperty("$defs").EnumerateObject().Select(d => d.Name);
        foreach (var name in names.Where(n => n.Contains('.', StringComparison.Ordinal)))
            text = text.Replace(name, name.Replace('.', '_'), StringComparison.Ordinal);
        // Nothing is waited for: the text has no reference to another document.
        return JsonSchema.FromJsonAsync(text.Replace("$defs", "definitions", StringComparison.Ordinal)).GetAwaiter().GetResult();
    }

    private static JToken Token(YamlNode node) => node switch
    {
        YamlMap map => new JObject(map.Entries.Select(e => new JProperty(e.Key.Text, Token(e.Value)))),
        YamlList list => new JArray(list.Items.Select(Token)),
        YamlScalar scalar => new JValue(scalar.Value() is string text ? text[..Math.Min(text.Length, LongestText)] : scalar.Value()),
        _ => throw new InvalidOperationException("a node is a map, a list or a scalar"),
    };

    // The validator's path of each node, to ours and the node.
    private static Dictionary<string, (string Path, YamlNode Node)> Places(JToken token, YamlNode node, string path)
    {
        var places = new Dictionary<string, (string, YamlNode)>(StringComparer.Ordinal);
        void Add(JToken at, YamlNode of, string named)
        {
            places[at.Path] = (named, of);
            if (of is YamlMap map)
            {
                foreach (var (key, value) in map.Entries)
                    Add(at[key.Text]!, value, $"{named}.{key.Text}");
            }
            if (of is YamlList list)
            {
                foreach (var (i, item) in list.Items.Index())
                    Add(at[i]!, item, $"{named}[{i}]");
            }
        }

        Add(token, node, path);
        return places;
    }
}
