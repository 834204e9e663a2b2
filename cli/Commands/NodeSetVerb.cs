using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node set: replaces a definition, says which version it replaced, and how to get that back.</summary>
internal sealed class NodeSetVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> file = new("-f", "--file")
    {
        Description = "The definition (YAML: classes, parameters, environment); - is stdin",
        HelpName = "FILE",
        Required = true,
    };
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the history",
        HelpName = "TEXT",
        Required = true,
    };
    private readonly Option<string?> etag = new("--etag")
    {
        Description = "Version it must replace; else the one stored now, and a missing node is created",
        HelpName = "ETAG",
    };

    private readonly Option<bool> checkPuppetserver = PuppetserverCheck.Option();
    private readonly Option<bool> unregistered = Unregistered.Option();

    public NodeSetVerb() : base("set", "Replace a node's definition",
        "overture node set 4f1c -f node.yaml --reason 'more memory'",
        "overture node set 4f1c -f node.yaml --reason 'a new class' --check-puppetserver",
        "overture node show 4f1c --definition | sed s/demo/ops/ | overture node set 4f1c -f - --reason rename")
    {
        Arguments.Add(name);
        Options.Add(file);
        Options.Add(reason);
        Options.Add(etag);
        Options.Add(checkPuppetserver);
        Options.Add(unregistered);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var from = session.Parse.GetRequiredValue(file);
        var definition = YamlFile.Text(from, ExitCodes.Usage);
        var certname = await Names.ResolveOrNew(session, session.Parse.GetRequiredValue(name), cancel);
        var before = await StoredDocument.Node(session, certname, cancel);
        var request = new PutNodeRequest
        {
            Certname = certname,
            Definition = definition,
            Reason = session.Parse.GetRequiredValue(reason),
            Etag = session.Parse.GetValue(etag) ?? before.Version,
            CheckPuppetserver = session.Parse.GetValue(checkPuppetserver),
            AllowUnregistered = session.Parse.GetValue(unregistered),
        };
        var answer = await session.Classifier((c, o) => c.PutNodeAsync(request, o), cancel, PuppetserverCheck.Limit);
        session.Printer.Answer(answer, p => Printer.Facts(
            ("certname", answer.Node.Certname), ("version", answer.Node.Etag), ("updated", InstanceText.Time(answer.Node.UpdatedAt))));
        DoubtfulText.Say(from, answer.Warnings);
        before.SayReplaced($"node-{certname}", definition, Again(certname), session.Clock);
        return ExitCodes.Ok;
    }

    /// <summary>The command that puts a file in place of the stored definition.</summary>
    internal static string Again(string certname) => $"overture node set {certname} --reason TEXT";
}
