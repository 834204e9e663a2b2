using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node delete: a definition goes to the history, and is classified no more.</summary>
internal sealed class NodeDeleteVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the history",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "deleted by overture node delete",
    };
    private readonly Option<string?> etag = new("--etag") { Description = "Version to delete; else the one stored now", HelpName = "ETAG" };
    private readonly Option<bool> force = new("--force")
    {
        Description = "Also that of an instance that has not ended: overture-enc then refuses it (NODE_UNKNOWN), layers alone answer "
            + "nothing, and its Puppet runs fail until it has a definition again",
    };
    private readonly Option<bool> yes = new("--yes", "-y") { Description = "Do not ask" };

    public NodeDeleteVerb() : base("delete", "Delete a node's definition; its history keeps it",
        "overture node delete old.example.com --reason 'retired'", "overture node delete 4f1c --force --yes")
    {
        Arguments.Add(name);
        foreach (var option in new Option[] { reason, etag, force, yes })
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        // 1. the version that is there now, so that an edit in between is not deleted
        var version = session.Parse.GetValue(etag)
            ?? (await session.Classifier((c, o) => c.GetNodeAsync(new GetNodeRequest { Certname = certname }, o), cancel)).Node.Etag;
        // 2. the person's word
        if (!session.Parse.GetValue(yes) && !Confirmed(certname, version))
            return ExitCodes.Failed;
        // 3. archived and deleted
        var request = new DeleteNodeRequest
        {
            Certname = certname,
            Etag = version,
            Reason = session.Parse.GetRequiredValue(reason),
            Force = session.Parse.GetValue(force),
        };
        var answer = await session.Classifier((c, o) => c.DeleteNodeAsync(request, o), cancel);
        session.Printer.Answer(answer, _ => Printer.Facts(("certname", certname), ("deleted", NodeExplainVerb.Short(version)),
            ("history id", answer.HistoryId)));
        Printer.Say($"to get it back: overture node rollback {certname} {answer.HistoryId} --unregistered");
        return ExitCodes.Ok;
    }

    private static bool Confirmed(string certname, string version)
    {
        if (Console.IsInputRedirected)
            throw Failure.Usage($"nothing was done: there is no terminal to ask about the definition of {certname}", "add --yes");
        Console.Error.Write($"delete the definition of {certname}, version {NodeExplainVerb.Short(version)}? [y/N] ");
        if (Console.ReadLine()?.Trim() is "y" or "Y" or "yes")
            return true;
        Printer.Say("nothing was done");
        return false;
    }
}
