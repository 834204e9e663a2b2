using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node show: the definition as stored, and what the ENC answers.</summary>
internal sealed class NodeShowVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<bool> definition = new("--definition") { Description = "The stored definition alone, fit for node set -f" };

    public NodeShowVerb() : base("show", "Show a node's definition and what the external node classifier answers for it",
        "overture node show 4f1c", "overture node show 4f1c --definition > node.yaml")
    {
        Arguments.Add(name);
        Options.Add(definition);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var node = (await session.Classifier((c, o) => c.GetNodeAsync(new GetNodeRequest { Certname = certname }, o), cancel)).Node;
        if (node.Unreadable.Length > 0)
        {
            throw Failure.Usage($"the stored definition {node.Unreadable}",
                $"replace it with a valid one: {NodeSetVerb.Again(certname)} -f FILE");
        }
        if (session.Parse.GetValue(definition))
        {
            session.Printer.Answer(new GetNodeResponse { Node = node }, p => Printer.Document(node.Definition));
            return ExitCodes.Ok;
        }
        var answer = await Classify(session, certname, cancel);
        session.Printer.Answer(NodeDocument.Of(node, answer), p =>
        {
            Printer.Document($"# definition, version {Printable.Line(node.Etag)}, of {InstanceText.Time(node.UpdatedAt)}");
            Printer.Document(node.Definition);
            if (answer is null)
                return;
            Printer.Document("\n# what overture-enc prints");
            Printer.Document(answer.Yaml);
        });
        if (answer is { Broken.Length: > 0 })
            Printer.Say($"warning: {answer.Broken}");
        if (answer?.StaleSince is { } since)
            Printer.Say($"warning: the store does not answer; this is what was known at {InstanceText.Time(since)}");
        return ExitCodes.Ok;
    }

    // A node that is blocked still has a definition worth showing; the reason for no answer is printed beside it.
    private static async Task<ClassifyResponse?> Classify(Session session, string certname, CancellationToken cancel)
    {
        try
        {
            return await session.Classifier((c, o) => c.ClassifyAsync(new ClassifyRequest { Certname = certname }, o), cancel);
        }
        catch (Failure failure) when (failure.Exit is ExitCodes.Conflict or ExitCodes.Usage or ExitCodes.NotFound)
        {
            Printer.Say($"overture-enc refuses this node: {failure.Message} ({failure.Reason})");
            return null;
        }
    }
}
