using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node history: the versions of a node's definition, newest first.</summary>
internal sealed class NodeHistoryVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public NodeHistoryVerb() : base("history", "List the versions of a node's definition that were put, served or archived, newest first",
        "overture node history 4f1c", "overture node history 4f1c -o json | jq -r '.entries[0].document'")
    {
        Arguments.Add(name);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = new ListHistoryResponse { Entries = { await DefinitionHistory.All(session, certname, cancel) } };
        session.Printer.Answer(answer, DefinitionHistory.Table(answer));
        return ExitCodes.Ok;
    }
}
