using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.Definitions;
using Overture.Classifier.V1;
using Overture.Platform.Records;

namespace Overture.Classifier.Classification;

/// <summary>A finished answer: nobody may change it, so it is given as often as it is asked for.</summary>
/// <param name="OwnVersion">Of the node's own definition.</param>
/// <param name="BelowVersions">Of the documents below it.</param>
/// <param name="Broken">The rule that a newer edit breaks; empty: none does.</param>
public sealed record Answer(string OwnVersion, string BelowVersions, string Broken, Layered Layered, IReadOnlyList<Layer> Layers, ClassifyResponse Response)
{
    private const string SiteManifest = "---\n\"classes\": {}\n\"parameters\": {}\n";

    /// <summary>No classes and no environment: Puppet's site manifest decides.</summary>
    public static Answer Nothing(CertName name) => new("", "", "", Layered.Of([]), [],
        new ClassifyResponse { Certname = name.ToString(), Classes = new Struct(), Parameters = new Struct(), Yaml = SiteManifest });

    public static Answer Of(CertName name, string ownVersion, string belowVersions, string broken, IReadOnlyList<Layer> layers)
    {
        var layered = Layered.Of(layers);
        var definition = layered.Definition;
        return new Answer(ownVersion, belowVersions, broken, layered, layers, new ClassifyResponse
        {
            Certname = name.ToString(),
            Classes = StructTree.FromTree(definition.Classes),
            Parameters = StructTree.FromTree(definition.Parameters),
            Environment = definition.Environment,
            Yaml = QuotedYaml.Write(definition.ToTree(), "---"),
            Version = ownVersion,
            Broken = broken,
            Sources = { layered.Origins.Select(o => new ValueSource { Path = o.Path, Layer = o.Layer.Name, Document = o.Layer.Document, Version = o.Layer.Version }) },
        });
    }
}
