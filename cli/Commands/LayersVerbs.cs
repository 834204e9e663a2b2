using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture layers show: the document as it is, fit for layers set.</summary>
internal sealed class LayersShowVerb : Verb
{
    public LayersShowVerb() : base("show", "Show the defaults and groups that lie below every node's own definition",
        "overture layers show > layers.yaml", "overture layers show -o json | jq -r .layers.etag")
    {
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var answer = await session.Classifier((c, o) => c.GetLayersAsync(new GetLayersRequest(), o), cancel);
        session.Printer.Answer(answer, p => Printer.Document(answer.Layers.Document));
        if (answer.Layers.Unreadable.Length > 0)
            throw Failure.Usage($"what is stored {answer.Layers.Unreadable}", "replace it with a valid one: overture layers set");
        if (answer.Layers.Etag.Length == 0)
            Printer.Say("there are no layers: overture layers set --help");
        return ExitCodes.Ok;
    }
}

/// <summary>overture layers set: replaces them, says which version it replaced, and how to get that back.</summary>
internal sealed class LayersSetVerb : Verb
{
    private readonly Option<string> file = new("-f", "--file")
    {
        Description = "YAML of defaults and groups; - is stdin",
        HelpName = "FILE",
        Required = true,
    };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the history", HelpName = "TEXT" };
    private readonly Option<bool> check = new("--check") { Description = "Only check whether the file is valid; write nothing" };
    private readonly Option<string?> etag = new("--etag")
    {
        Description = "Version it must replace; else the one stored now",
        HelpName = "ETAG",
    };
    private readonly Option<bool> checkPuppetserver = PuppetserverCheck.Option();

    public LayersSetVerb() : base("set", "Replace the defaults and groups; groups of one rank that contradict each other are refused",
        "overture layers set -f examples/layers.yaml --check",
        "overture layers set -f examples/layers.yaml --check --check-puppetserver",
        "overture layers show | sed s/ntp1/ntp2/ | overture layers set -f - --reason 'the new time server'")
    {
        Options.Add(file);
        Options.Add(reason);
        Options.Add(check);
        Options.Add(etag);
        Options.Add(checkPuppetserver);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var only = session.Parse.GetValue(check);
        if (!only && session.Parse.GetValue(reason) is null)
            throw Failure.Usage("give --reason TEXT, or --check", "overture layers set --help");
        var from = session.Parse.GetRequiredValue(file);
        var request = new PutLayersRequest
        {
            Document = YamlFile.Text(from, ExitCodes.Usage),
            Reason = session.Parse.GetValue(reason) ?? "",
            ValidateOnly = only,
            CheckPuppetserver = session.Parse.GetValue(checkPuppetserver),
        };
        var before = only ? new StoredDocument("", "") : await StoredDocument.Layers(session, cancel);
        if (!only)
            request.Etag = session.Parse.GetValue(etag) ?? before.Version;
        var answer = await session.Classifier((c, o) => c.PutLayersAsync(request, o), cancel, PuppetserverCheck.Limit);
        session.Printer.Answer(answer, p =>
        {
            if (only)
                Printer.Say("valid");
            else
                Printer.Facts(("version", answer.Layers.Etag), ("updated", InstanceText.Time(answer.Layers.UpdatedAt)));
        });
        DoubtfulText.Say(from, answer.Warnings);
        before.SayReplaced("layers", request.Document, Again, session.Clock);
        return ExitCodes.Ok;
    }

    /// <summary>The command that puts a file in place of the stored layers.</summary>
    internal const string Again = "overture layers set --reason TEXT";
}

/// <summary>overture layers rollback: puts an earlier version in place of the one stored now.</summary>
internal sealed class LayersRollbackVerb : Verb
{
    private readonly Argument<string> version = new("VERSION") { Description = "Id or version in their history" };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the history", HelpName = "TEXT" };

    public LayersRollbackVerb() : base("rollback", "Put an earlier version of the defaults and groups in place of the stored one",
        "overture layers history", "overture layers rollback 3b1f09aa21c4 --reason 'the new group is wrong'")
    {
        Arguments.Add(version);
        Options.Add(reason);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var entry = DefinitionHistory.Find(await DefinitionHistory.All(session, "", cancel), session.Parse.GetRequiredValue(version));
        // Against what is stored at this moment: an edit in between is not lost.
        var before = await StoredDocument.Layers(session, cancel);
        var request = new PutLayersRequest { Document = entry.Document, Etag = before.Version, Reason = session.Parse.GetValue(reason)
            ?? $"rollback to {entry.Id}" };
        var answer = await session.Classifier((c, o) => c.PutLayersAsync(request, o), cancel, PuppetserverCheck.Limit);
        session.Printer.Answer(answer, p => Printer.Facts(("version", answer.Layers.Etag), ("as of", InstanceText.Time(entry.At))));
        before.SayReplaced("layers", entry.Document, LayersSetVerb.Again, session.Clock);
        return ExitCodes.Ok;
    }
}

/// <summary>overture layers history: their versions, newest first.</summary>
internal sealed class LayersHistoryVerb : Verb
{
    public LayersHistoryVerb() : base("history", "List the versions of the defaults and groups, newest first", "overture layers history")
    {
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var answer = new ListHistoryResponse { Entries = { await DefinitionHistory.All(session, "", cancel) } };
        session.Printer.Answer(answer, DefinitionHistory.Table(answer));
        return ExitCodes.Ok;
    }
}
