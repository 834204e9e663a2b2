using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node explain: each value of a node's answer, the layer it comes from and who wrote it there.</summary>
internal sealed class NodeExplainVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public NodeExplainVerb() : base("explain", "Show where each value of a node's answer comes from: layer, document, version and author",
        "overture node explain 4f1c", "overture node explain 4f1c -o json | jq '.values[] | select(.path == \"environment\")'")
    {
        Arguments.Add(name);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.Classifier((c, o) => c.ExplainNodeAsync(new ExplainNodeRequest { Certname = certname }, o), cancel);
        session.Printer.Answer(answer, p => p.Table(["PATH", "VALUE", "LAYER", "DOCUMENT", "VERSION", "AUTHOR"],
            answer.Values.SelectMany(Rows)));
        if (answer.Broken.Length > 0)
            Printer.Say($"warning: {answer.Broken}");
        if (await LastRunFinding.Of(session, certname, cancel) is { Length: > 0 } finding)
            Printer.Say($"warning: {finding}");
        if (answer.StaleSince is not null)
            Printer.Say($"warning: the store does not answer; this is what was known at {InstanceText.Time(answer.StaleSince)}");
        return ExitCodes.Ok;
    }

    // The values it overrides are printed below it.
    private static IEnumerable<string[]> Rows(ExplainedValue value) =>
        [Row(value, value.Path, value.Author), .. value.Shadowed.Select(s => Row(s, "  instead of", ""))];

    private static string[] Row(ExplainedValue value, string path, string author) =>
        [path, value.Value.KindCase == Google.Protobuf.WellKnownTypes.Value.KindOneofCase.NullValue ? "" : value.Value.ToString(),
            value.Layer, value.Document, Short(value.Version), author];

    internal static string Short(string version) => version.Trim('"') is { Length: > 12 } text ? text[..12] : version.Trim('"');
}
