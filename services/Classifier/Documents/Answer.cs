using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.V1;
using Overture.Platform.Records;

namespace Overture.Classifier.Documents;

/// <summary>What an answer is made of: with the same, it is the same.</summary>
/// <param name="Own">Version of the node's own definition.</param>
/// <param name="Below">Versions of the documents below it.</param>
/// <param name="Broken">The rule that a newer edit breaks; empty: none does.</param>
/// <param name="Launch">Its profile and labels decide which groups match.</param>
internal sealed record AnswerVersions(string Own, string Below, string Broken, LaunchFacts? Launch);

/// <summary>A finished, immutable answer, served as often as it is requested.</summary>
internal sealed record Answer(AnswerVersions Versions, Layered Layered, IReadOnlyList<Layer> Layers, ClassifyResponse Response)
{
    private const string SiteManifest = "---\n\"classes\": {}\n\"parameters\": {}\n";

    /// <summary>No classes and no environment: Puppet's site manifest decides.</summary>
    public static Answer Nothing(CertName name) => new(new("", "", "", null), Layered.Of([]), [],
        new ClassifyResponse { Certname = name.ToString(), Classes = new Struct(), Parameters = new Struct(), Yaml = SiteManifest });

    public static Answer Of(CertName name, AnswerVersions versions, IReadOnlyList<Layer> layers)
    {
        var layered = Layered.Of(layers);
        var definition = layered.Definition;
        return new Answer(versions, layered, layers, new ClassifyResponse
        {
            Certname = name.ToString(),
            Classes = StructTree.FromTree(definition.Classes),
            Parameters = StructTree.FromTree(definition.Parameters),
            Environment = definition.Environment,
            Yaml = QuotedYaml.Write(definition.ToTree(), "---"),
            Version = versions.Own,
            Broken = versions.Broken,
            Sources = { layered.Origins.Select(o =>
                new ValueSource { Path = o.Path, Layer = o.Layer.Name, Document = o.Layer.Document, Version = o.Layer.Version }) },
        });
    }
}
