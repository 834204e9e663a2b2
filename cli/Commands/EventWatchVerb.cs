using System.CommandLine;
using Grpc.Core;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Records.V1;

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
        var connection = session.Open("conductor", session.Config.Conductor);
        var client = new ConductorService.ConductorServiceClient(connection.Calls);
        var end = session.Clock.GetUtcNow() + limit;
        var reconnection = new Reconnection(session.Clock, answered: false, end, sentence => Printer.Say(sentence));
        while (true)
        {
            try
            {
                using var stream = client.WatchEvents(request, new CallOptions(deadline: end.UtcDateTime, cancellationToken: cancel));
                while (await stream.ResponseStream.MoveNext(cancel))
                {
                    reconnection.Succeeded();
                    var answer = stream.ResponseStream.Current;
                    if (answer.Event is not null)
                        Show(session.Printer, answer);
                    request.After = answer.Cursor.Length > 0 ? answer.Cursor : answer.Event?.Cursor ?? request.After;
                }
                return;
            }
            catch (RpcException e) when (cancel.IsCancellationRequested)
            {
                throw new OperationCanceledException("interrupted", e, cancel);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.DeadlineExceeded)
            {
                return;
            }
            catch (RpcException e)
            {
                var failure = RpcFailures.From(e, "conductor", connection.Address);
                if (!await reconnection.Wait(e, failure, cancel))
                    throw failure;
            }
        }
    }

    private static void Show(Printer printer, WatchEventsResponse answer) => printer.Answer(answer,
        _ => Printer.Document(Printable.Line(Line(answer.Event))), [answer.Event.Certname]);

    /// <summary>"12  10:04:11  overture.condition.stalled.on  4f1c…  no certificate request came".</summary>
    private static string Line(Event shown) => string.Join("  ",
        ((string[])[shown.Cursor.PadLeft(6), InstanceText.Time(shown.At), shown.Type.PadRight(34), shown.Certname, shown.Reason,
            shown.Message])
        .Where(part => part.Length > 0));
}
