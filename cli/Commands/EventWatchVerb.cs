using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture event watch: what becomes of instances, as it is recorded; to be taken up again where it ended.</summary>
internal sealed class EventWatchVerb : Verb
{
    private readonly Argument<string[]> names = Names.AnyNumber("Certnames, or the beginning of each; none: of all instances");
    private readonly Option<string?> since = new("--since")
    {
        Description = "Go on behind the event of this cursor; 0: from the first that is kept. Without: only what is still to come",
        HelpName = "CURSOR",
    };
    private readonly Option<string[]> types = new("--type")
    {
        Description = "Only these: condition, condition.stalled, instance.converged, certificate …",
        HelpName = "TYPE,TYPE",
    };
    private readonly Option<string[]> labels = new("--label", "-l")
    {
        Description = "Only of instances whose labels all fit",
        HelpName = "KEY=VALUE,KEY!=VALUE,KEY,!KEY",
    };
    private readonly Option<string?> profile = new("--profile") { Description = "Only of instances of this profile", HelpName = "NAME" };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("At most this long, and then exit 0 (24h)");

    public EventWatchVerb() : base("watch", "Show events as they are recorded, until Ctrl-C: states, conditions, decisions",
        "overture event watch", "overture event watch --type condition,certificate.refused -l team=blue",
        "overture event watch --since 1200 -o json | jq -r '.event | [.cursor, .type, .certname] | @tsv'")
    {
        Arguments.Add(names);
        foreach (var option in (Option[])[since, types, labels, profile, timeout])
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new WatchEventsRequest
        {
            After = session.Parse.GetValue(since) ?? "",
            Filter = new EventFilter
            {
                Types_ = { (session.Parse.GetValue(types) ?? []).SelectMany(t => t.Split(',')) },
                Selector = string.Join(',', session.Parse.GetValue(labels) ?? []),
                Profile = session.Parse.GetValue(profile) ?? "",
                Certnames = { await Names.Resolve(session, session.Parse.GetValue(names) ?? [], cancel) },
            },
        };
        try
        {
            await Follow(session, request, session.Parse.GetValue(timeout) ?? TimeSpan.FromHours(24), cancel);
        }
        finally
        {
            if (request.After.Length > 0)
                Printer.Say($"to go on from here: --since {request.After}");
        }
        return ExitCodes.Ok;
    }

    // Where the stream breaks it goes on behind the last event, so that none is shown twice and none is left out.
    private static async Task Follow(Session session, WatchEventsRequest request, TimeSpan limit, CancellationToken cancel)
    {
        var stream = new WatchedStream(session, session.Clock.GetUtcNow() + limit, answered: false, sentence => Printer.Say(sentence));
        await stream.Follow((client, options) => client.WatchEvents(request, options), answer =>
        {
            if (answer.Event is not null)
                Show(session.Printer, answer);
            request.After = answer.Cursor.Length > 0 ? answer.Cursor : answer.Event?.Cursor ?? request.After;
        }, cancel);
    }

    private static void Show(Printer printer, WatchEventsResponse answer) => printer.Answer(answer,
        _ => Printer.Document(Printable.Line(Line(answer.Event))), [answer.Event.Certname]);

    /// <summary>"12  10:04:11  overture.condition.stalled.on  4f1c…  no certificate request came".</summary>
    private static string Line(InstanceEvent shown) => string.Join("  ",
        ((string[])[shown.Cursor.PadLeft(6), InstanceText.Time(shown.At), shown.Type.PadRight(34), shown.Certname, shown.Reason,
            shown.Message])
        .Where(part => part.Length > 0));
}
