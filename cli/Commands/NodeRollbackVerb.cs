using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node rollback: puts an earlier version of a node's definition in place of the one stored now.</summary>
internal sealed class NodeRollbackVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Argument<string> version = new("VERSION") { Description = "Id or version in its history" };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the history", HelpName = "TEXT" };
    private readonly Option<bool> unregistered = Unregistered.Option();

    public NodeRollbackVerb() : base("rollback", "Put an earlier version of a node's definition in place of the stored one",
        "overture node history 4f1c", "overture node rollback 4f1c 3b1f09aa21c4 --reason 'the new class breaks nginx'")
    {
        Arguments.Add(name);
        Arguments.Add(version);
        Options.Add(reason);
        Options.Add(unregistered);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var entry = DefinitionHistory.Find(await DefinitionHistory.All(session, certname, cancel), session.Parse.GetRequiredValue(version));
        var before = await StoredDocument.Node(session, certname, cancel);
        var request = new PutNodeRequest
        {
            Certname = certname,
            Definition = entry.Document,
            // Against what is stored at this moment: an edit in between is not lost.
            Etag = before.Version,
            Reason = session.Parse.GetValue(reason) ?? $"rollback to {entry.Id}",
            AllowUnregistered = session.Parse.GetValue(unregistered),
        };
        var answer = await session.Classifier((c, o) => c.PutNodeAsync(request, o), cancel, PuppetserverCheck.Limit);
        session.Printer.Answer(answer, p => Printer.Facts(
            ("certname", answer.Node.Certname), ("version", answer.Node.Etag), ("as of", InstanceText.Time(entry.At))));
        before.SayReplaced($"node-{certname}", entry.Document, NodeSetVerb.Again(certname), session.Clock);
        return ExitCodes.Ok;
    }
}
