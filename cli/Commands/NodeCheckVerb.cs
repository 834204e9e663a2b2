using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node check: what a node is to have, by all layers, and the puppetserver does not.</summary>
internal sealed class NodeCheckVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public NodeCheckVerb()
        : base("check",
        "Compare a node's classification with the environments, classes and parameters that the puppetserver has now, and look at what "
            + "its last run said of the site manifest; exit 1 if something is missing",
        "overture node check 4f1c", "overture node check 4f1c -o json | jq -r '.problems[].path'")
    {
        Exits = ["1  the definition and the puppetserver's code do not match"];
        Arguments.Add(name);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var answer = await session.Classifier((c, o) => c.CheckNodeAsync(new CheckNodeRequest { Certname = certname }, o), cancel,
            PuppetserverCheck.Limit);
        if (await LastRunFinding.Of(session, certname, cancel) is { Length: > 0 } finding)
            answer.Problems.Add(new CodeProblem { Path = "environment", Rule = $"{answer.Environment}: {finding}" });
        session.Printer.Answer(answer, p =>
        {
            if (answer.Problems.Count > 0)
            {
                p.Table(["PATH", "LAYER", "DOCUMENT", "PROBLEM"],
                    answer.Problems.Select(x => (string[])[x.Path, x.Layer, x.Document, x.Rule]));
            }
        });
        if (answer.Problems.Count == 0)
            Printer.Say($"the puppetserver has all of it, in the environment {answer.Environment}");
        if (answer.Broken.Length > 0)
            Printer.Say($"warning: {answer.Broken}");
        return answer.Problems.Count == 0 ? ExitCodes.Ok : ExitCodes.Failed;
    }
}
