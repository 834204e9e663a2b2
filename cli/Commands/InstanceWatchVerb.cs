using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance watch</summary>
internal sealed class InstanceWatchVerb : Verb
{
    private readonly Argument<string[]> names = Names.Many();
    private readonly Option<bool> untilSettled = new("--until-settled")
    {
        Description = "End when every one is converged, failed or terminated; exit 0 only if all converged",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("At most this long (24h)");

    public InstanceWatchVerb() : base("watch", "Show instances at once and again at each change, until Ctrl-C",
        "overture instance watch 4f1c", "overture instance watch 4f1c 9a02 --until-settled --timeout 5m -o json")
    {
        Arguments.Add(names);
        Options.Add(untilSettled);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var settled = session.Parse.GetValue(untilSettled);
        var certnames = await Names.Resolve(session, session.Parse.GetRequiredValue(names), cancel);
        var start = certnames.Select(c => new Instance { Certname = c }).ToList();
        // With json and yaml each change is a document of its own on stdout, as it comes.
        var progress = new Progress(session.Clock);
        var documents = session.Printer.Format != OutputFormat.Table;
        Action<Instance> report = documents ? i => session.Printer.Answer(new WatchInstancesResponse { Instance = i }, _ => { })
            : progress.Report;
        Action<string> say = documents ? text => Printer.Say(text) : progress.Say;
        Task<Watched> Follow() => new InstanceWatcher(session).Follow(
            start, settled, session.Parse.GetValue(timeout) ?? TimeSpan.FromHours(24), answered: false, report, say, cancel);
        var watched = documents ? await Follow() : await progress.While(Follow);
        return watched.TimedOut ? ExitCodes.Timeout : !settled || watched.Converged ? ExitCodes.Ok : ExitCodes.Failed;
    }
}
