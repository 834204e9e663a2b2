using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node diff: two versions of a node's definition, or one and what is stored now, line by line.</summary>
internal sealed class NodeDiffVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Argument<string?> from = new("FROM")
    {
        Description = "Id or version in its history; else the one before the stored one",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Argument<string?> to = new("TO")
    {
        Description = "Id or version; else what is stored now",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public NodeDiffVerb() : base("diff", "Compare two versions of a node's definition, as diff -u does; 1 where they differ",
        "overture node diff 4f1c", "overture node diff 4f1c 0190a1b2-… 0190a1c3-…")
    {
        Exits = ["0  nothing changed", "1  something changed"];
        Arguments.Add(name);
        Arguments.Add(from);
        Arguments.Add(to);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var history = await DefinitionHistory.All(session, certname, cancel);
        var after = session.Parse.GetValue(to) is { } wanted
            ? DefinitionHistory.Find(history, wanted) : await Stored(session, certname, cancel);
        var before = session.Parse.GetValue(from) is { } first ? DefinitionHistory.Find(history, first)
            : history.FirstOrDefault(e => e.Document != after.Document)
                ?? throw new Failure(ExitCodes.NotFound, $"the history of {certname} has no other version");
        var answer = new ListHistoryResponse { Entries = { after, before } };
        session.Printer.Answer(answer, p =>
        {
            foreach (var line in LineDiff.Of($"{NodeExplainVerb.Short(before.Version)} {InstanceText.Time(before.At)}", before.Document,
                $"{NodeExplainVerb.Short(after.Version)} {InstanceText.Time(after.At)}", after.Document))
            {
                Console.Out.WriteLine(Printable.Line(line));
            }
        });
        return before.Document == after.Document ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<HistoryEntry> Stored(Session session, string certname, CancellationToken cancel)
    {
        var node = (await session.Classifier((c, o) => c.GetNodeAsync(new GetNodeRequest { Certname = certname }, o), cancel)).Node;
        return new HistoryEntry { Kind = "stored", Version = node.Etag, Document = node.Definition, At = node.UpdatedAt };
    }
}
