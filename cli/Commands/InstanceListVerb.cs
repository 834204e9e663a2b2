using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance list</summary>
internal sealed class InstanceListVerb : Verb
{
    // As many causes as fit below a table on a screen; `show` has the rest.
    private const int MaxCauses = 8;

    private readonly Argument<string?> prefix = new("PREFIX")
    {
        Description = "Only those whose certname, or whose id at the provider, begins so",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly FilterOptions filter = new("Only");
    private readonly Option<bool> all = new("--all")
    {
        Description = "Also terminated ones, and what Overture itself and its puppetservers run on",
    };
    private readonly Option<bool> oldest = new("--oldest-first") { Description = "The newest last" };
    private readonly Option<bool> summary = new("--summary") { Description = "Only how many there are, by state and by condition" };

    public InstanceListVerb() : base("list", "List instances, newest first",
        "overture instance list", "overture instance list --condition csr-held,stalled",
        "overture instance list -l team=blue,!retired --since 2h",
        "overture instance list --summary", "overture instance list --state converged -o name")
    {
        Arguments.Add(prefix);
        filter.AddTo(this);
        foreach (var option in new Option[] { all, oldest, summary })
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var wanted = filter.Read(session);
        wanted.Prefix = session.Parse.GetValue(prefix) ?? "";
        (wanted.ShowTerminated, wanted.ShowOwn) = (session.Parse.GetValue(all), session.Parse.GetValue(all));
        if (session.Parse.GetValue(summary))
        {
            var counts = await session.Conductor(
                (c, o) => c.SummarizeInstancesAsync(new SummarizeInstancesRequest { Filter = wanted }, o), cancel);
            session.Printer.Answer(counts, p => Show(p, counts));
            return ExitCodes.Ok;
        }
        var request = new ListInstancesRequest
        {
            Filter = wanted,
            Order = session.Parse.GetValue(oldest) ? InstanceOrder.OldestFirst : InstanceOrder.Unspecified,
        };
        var found = await Names.Pages(session, request, cancel);
        var narrowed = filter.AreGiven(session.Parse) || wanted.Prefix.Length > 0;
        session.Printer.Answer(new ListInstancesResponse { Instances = { found } }, p => Show(p, session, found, narrowed));
        return ExitCodes.Ok;
    }

    private static void Show(Printer printer, Session session, IReadOnlyList<Instance> found, bool narrowed)
    {
        if (found.Count == 0)
        {
            Printer.Say(narrowed ? "no instance is as asked for"
                : "no instances; launch one: overture launch -c examples/start_instance.yaml --wait");
            return;
        }
        printer.Table(
            ["CERTNAME", "STATE", "CONDITIONS", "AGE", "PROFILE", Column.Wide("PROVIDER"), Column.Wide("INSTANCE"), Column.Wide("LABELS"),
                Column.Wide("ENDS"), Column.Wide("LAST-REPORT"), Column.Wide("LAUNCHED-BY")],
            found.Select(i => new[]
            {
                i.Certname, InstanceText.State(i.State), InstanceText.ConditionsOf(i), InstanceText.Age(i.CreatedAt, session.Clock),
                i.Profile, i.Provider, i.InstanceId, InstanceText.Labels(i), InstanceText.Time(i.Expires),
                InstanceText.Age(i.LastReport, session.Clock), i.LaunchedBy,
            }));
        // Why, below; never in a pipe.
        var causes = found.SelectMany(i => InstanceText.Wrong(i).Take(1)
            .Select(c => $"{i.Certname}  {InstanceText.Condition(c.Type)}: {c.Message} {c.Next}")).ToList();
        if (Console.IsOutputRedirected || causes.Count == 0)
            return;
        Printer.Say([.. causes.Take(MaxCauses)]);
        if (causes.Count > MaxCauses)
            Printer.Say($"and {causes.Count - MaxCauses} more: overture instance show NAME");
    }

    private static void Show(Printer printer, SummarizeInstancesResponse counts)
    {
        printer.Table(["STATE", "INSTANCES"], counts.States.Select(s => new[] { InstanceText.State(s.State), $"{s.Count}" })
            .Append(["total", $"{counts.Total}"]).Append(["healthy", $"{counts.Healthy}"]));
        if (counts.Conditions.Count > 0)
        {
            printer.Table(["CONDITION", "INSTANCES"],
                counts.Conditions.Select(c => new[] { InstanceText.Condition(c.Type), $"{c.Count}" }));
        }
    }
}
