using System.CommandLine;
using Overture.Classifier.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture node list: every definition with the layers that apply, its version, its last change and its problems.</summary>
internal sealed class NodeListVerb : Verb
{
    // A page of a filtered list looks at 2,000 definitions.
    private static readonly TimeSpan PageLimit = TimeSpan.FromMinutes(1);
    private readonly Argument<string?> prefix = new("PREFIX")
    {
        Description = "Only certnames that begin with this",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<bool> problems = new("--problems") { Description = "Only those that are broken or not classified" };
    private readonly Option<string?> environment = new("--environment")
    {
        Description = "Only nodes that get this Puppet environment",
        HelpName = "NAME",
    };
    private readonly Option<int?> limit = ListLimit.Option();

    public NodeListVerb() : base("list", "List node definitions by certname: layers, version, last change, problems",
        "overture node list", "overture node list --problems", "overture node list web --environment staging",
        "overture node list -o json | jq -r '.definitions[] | select(.problems != []) | .certname'")
    {
        Arguments.Add(prefix);
        Options.Add(problems);
        Options.Add(environment);
        Options.Add(limit);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new ListDefinitionsRequest
        {
            Prefix = session.Parse.GetValue(prefix) ?? "",
            Environment = session.Parse.GetValue(environment) ?? "",
            ProblemsOnly = session.Parse.GetValue(problems),
        };
        var (all, most) = (new ListDefinitionsResponse(), ListLimit.Of(session, limit));
        do
        {
            request.PageSize = Math.Min(500, most - all.Definitions.Count);
            var page = await session.Classifier((c, o) => c.ListDefinitionsAsync(request, o), cancel, PageLimit);
            all.Definitions.AddRange(page.Definitions);
            all.NextPageToken = request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0 && all.Definitions.Count < most);
        session.Printer.Answer(all, p =>
        {
            if (all.Definitions.Count == 0)
            {
                Printer.Say(request.ProblemsOnly ? "no definition has a problem" : "no definitions");
                return;
            }
            p.Table(["CERTNAME", "ENVIRONMENT", "LAYERS", "VERSION", "CHANGED", "BY", "PROBLEMS"], all.Definitions.Select(d => new[]
            {
                d.Certname, d.Environment, string.Join(", ", d.Layers), NodeExplainVerb.Short(d.Version), InstanceText.Time(d.UpdatedAt),
                d.Author, string.Join("; ", d.Problems),
            }));
        });
        ListLimit.SayCut(all.NextPageToken.Length > 0, most);
        return ExitCodes.Ok;
    }
}
