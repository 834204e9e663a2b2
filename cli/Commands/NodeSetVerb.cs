using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node set: replaces a definition, and never one that the person has not seen the version of.</summary>
internal sealed class NodeSetVerb : Verb
{
    private const int MostBytes = 256 * 1024;
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> file = new("-f", "--file") { Description = "The definition (YAML: classes, parameters, environment); - is stdin", HelpName = "FILE", Required = true };
    private readonly Option<string> reason = new("--reason") { Description = "For people; kept in the history", HelpName = "TEXT", Required = true };
    private readonly Option<string?> etag = new("--etag")
    {
        Description = "Version it must replace; else the one stored now, and a missing node is created",
        HelpName = "ETAG",
    };

    private readonly Option<bool> checkPuppetserver = PuppetserverCheck.Option();

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
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var definition = await Read(session.Parse.GetRequiredValue(file), cancel);
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var request = new PutNodeRequest
        {
            Certname = certname,
            Definition = definition,
            Reason = session.Parse.GetRequiredValue(reason),
            Etag = session.Parse.GetValue(etag) ?? await Stored(session, certname, cancel),
            CheckPuppetserver = session.Parse.GetValue(checkPuppetserver),
        };
        var answer = await session.Classifier((c, o) => c.PutNodeAsync(request, o), cancel, PuppetserverCheck.Limit);
        session.Printer.Answer(answer, p => Printer.Facts(
            ("certname", answer.Node.Certname), ("version", answer.Node.Etag), ("updated", InstanceText.Time(answer.Node.UpdatedAt))));
        return ExitCodes.Ok;
    }

    internal static async Task<string> Stored(Session session, string certname, CancellationToken cancel)
    {
        try
        {
            return (await session.Classifier((c, o) => c.GetNodeAsync(new GetNodeRequest { Certname = certname }, o), cancel)).Node.Etag;
        }
        catch (Failure failure) when (failure.Exit == ExitCodes.NotFound)
        {
            return "";
        }
    }

    private static async Task<string> Read(string file, CancellationToken cancel)
    {
        try
        {
            var text = file == "-" ? await Console.In.ReadToEndAsync(cancel) : await File.ReadAllTextAsync(file, cancel);
            return text.Length <= MostBytes ? text : throw Failure.Usage($"{file} has more than 256 KiB");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure.Usage($"can't read {file}: {e.Message}");
        }
    }
}
