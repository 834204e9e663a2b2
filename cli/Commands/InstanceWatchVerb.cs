using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance watch</summary>
internal sealed class InstanceWatchVerb : Verb
{
    private readonly Argument<string[]> names = Names.AnyNumber("Certnames, or the beginning of each; none: all that the options choose");
    private readonly FilterOptions filter = new("Without names: only");
    private readonly Option<bool> all = new("--all") { Description = "Also what Overture itself and its puppetservers run on" };
    private readonly Option<bool> untilSettled = new("--until-settled")
    {
        Description = "End when every one is converged, failed or terminated; exit 0 only if all converged",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("At most this long (24h)");

    public InstanceWatchVerb() : base("watch", "Show instances at once and again at each change, until Ctrl-C",
        "overture instance watch", "overture instance watch 4f1c", "overture instance watch -l team=blue --condition run-failed,stalled",
        "overture instance watch 4f1c 9a02 --until-settled --timeout 5m -o json")
    {
        Arguments.Add(names);
        filter.AddTo(this);
        Options.Add(all);
        Options.Add(untilSettled);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var settled = session.Parse.GetValue(untilSettled);
        var typed = session.Parse.GetValue(names) ?? [];
        if (typed.Length > 0 && (filter.AreGiven(session.Parse) || session.Parse.GetValue(all)))
            throw Failure.Usage("give names, or choose by options; not both", "overture instance watch --help");
        var wanted = filter.Read(session);
        (wanted.ShowOwn, wanted.ShowTerminated) = (session.Parse.GetValue(all), session.Parse.GetValue(all));
        var certnames = await Names.Resolve(session, typed, cancel);
        var start = certnames.Select(c => new Instance { Certname = c }).ToList();
        // With json and yaml each change is a document of its own on stdout, as it comes.
        var progress = new Progress(session.Clock);
        var documents = session.Printer.Format != OutputFormat.Table;
        Action<Instance> report = documents ? i => session.Printer.Answer(new WatchInstancesResponse { Instance = i }, _ => { })
            : progress.Report;
        Action<string> say = documents ? text => Printer.Say(text) : progress.Say;
        Task<Watched> Follow() => new InstanceWatcher(session).Follow(
            start, wanted, settled, session.Parse.GetValue(timeout) ?? TimeSpan.FromHours(24), answered: false, report, say, cancel);
        var watched = documents ? await Follow() : await progress.While(Follow);
        return watched.TimedOut ? ExitCodes.Timeout : !settled || watched.Converged ? ExitCodes.Ok : ExitCodes.Failed;
    }
}
