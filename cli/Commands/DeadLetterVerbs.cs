using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture event dead-letters list: events that webhooks did not take.</summary>
internal sealed class DeadLettersListVerb : Verb
{
    private readonly Argument<string?> webhook = new("WEBHOOK")
    {
        Description = "Its name in the Conductor's options; none: all",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public DeadLettersListVerb() : base("list", "List events that webhooks did not take, with what came of the last attempt",
        "overture event dead-letters list", "overture event dead-letters list chat -o json | jq -r '.deadLetters[].event.cursor'") =>
        Arguments.Add(webhook);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new ListDeadLettersRequest { Webhook = session.Parse.GetValue(webhook) ?? "" };
        var answer = new ListDeadLettersResponse();
        ListDeadLettersResponse some;
        do
        {
            some = await session.Conductor((c, o) => c.ListDeadLettersAsync(request, o), cancel, TimeSpan.FromMinutes(1));
            answer.DeadLetters.Add(some.DeadLetters);
            if (some.DeadLetters.LastOrDefault() is { } last)
                request.After = $"{last.Webhook}/{last.Event.Cursor}";
        }
        while (some is { More: true, DeadLetters.Count: > 0 });
        session.Printer.Answer(answer, p =>
        {
            if (answer.DeadLetters.Count == 0)
            {
                Printer.Say("no dead letters");
                return;
            }
            Column[] columns = ["WEBHOOK", "CURSOR", "TYPE", "CERTNAME", "GIVEN UP", "TRIES", "CAUSE"];
            p.Table(columns, answer.DeadLetters.Select(l => new[]
            {
                l.Webhook, l.Event.Cursor, l.Event.Type, l.Event.Certname, InstanceText.Time(l.At), $"{l.Attempts}", l.Cause,
            }));
        }, answer.DeadLetters.Select(l => l.Event.Cursor));
        return ExitCodes.Ok;
    }
}

/// <summary>What replay and delete share: which webhook, and which of its dead letters.</summary>
internal abstract class DeadLettersVerb : Verb
{
    private readonly Argument<string> webhook = new("WEBHOOK") { Description = "Its name in the Conductor's options" };
    private readonly Argument<string[]> cursors = new("CURSOR")
    {
        Description = "Which, by their cursors",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<bool> all = new("--all") { Description = "All of that webhook" };

    protected DeadLettersVerb(string name, string description, params string[] examples) : base(name, description, examples)
    {
        Arguments.Add(webhook);
        Arguments.Add(cursors);
        Options.Add(all);
    }

    protected abstract Task<int> Run(Session session, string webhook, IReadOnlyList<string> cursors, CancellationToken cancel);

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var chosen = session.Parse.GetValue(cursors) ?? [];
        return chosen.Length > 0 == session.Parse.GetValue(all)
            ? throw Failure.Usage("give cursors, or --all; not both")
            : Run(session, session.Parse.GetRequiredValue(webhook), chosen, cancel);
    }
}

/// <summary>overture event dead-letters replay</summary>
internal sealed class DeadLettersReplayVerb : DeadLettersVerb
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public DeadLettersReplayVerb() : base("replay", "Send dead letters to their webhook once more, until one is not taken",
        "overture event dead-letters replay chat --all", "overture event dead-letters replay chat 1201 1207") =>
        Exits = ["1  the webhook did not take one"];

    protected override async Task<int> Run(Session session, string webhook, IReadOnlyList<string> cursors, CancellationToken cancel)
    {
        var request = new ReplayDeadLettersRequest { Webhook = webhook, Cursors = { cursors } };
        var answer = new ReplayDeadLettersResponse();
        ReplayDeadLettersResponse some;
        do
        {
            some = await session.Conductor((c, o) => c.ReplayDeadLettersAsync(request, o), cancel, Limit);
            (answer.Delivered, answer.Left, answer.Failure, answer.More) =
                (answer.Delivered + some.Delivered, some.Left, some.Failure, some.More);
        }
        while (some is { More: true, Failure: "", Left: 0, Delivered: > 0 });
        session.Printer.Answer(answer, _ =>
        {
            Printer.Say($"delivered: {answer.Delivered}; left: {answer.Left}{(answer.More ? " and more" : "")}");
            if (answer.Failure.Length > 0)
                Printer.Say(answer.Failure);
        });
        return answer is { Failure: "", Left: 0, More: false } ? ExitCodes.Ok : ExitCodes.Failed;
    }
}

/// <summary>overture event dead-letters delete</summary>
internal sealed class DeadLettersDeleteVerb : DeadLettersVerb
{
    public DeadLettersDeleteVerb() : base("delete", "Delete dead letters: their webhook never gets these events",
        "overture event dead-letters delete chat --all", "overture event dead-letters delete chat 1201")
    {
    }

    protected override async Task<int> Run(Session session, string webhook, IReadOnlyList<string> cursors, CancellationToken cancel)
    {
        var request = new DeleteDeadLettersRequest { Webhook = webhook, Cursors = { cursors } };
        var answer = new DeleteDeadLettersResponse();
        DeleteDeadLettersResponse some;
        do
        {
            some = await session.Conductor((c, o) => c.DeleteDeadLettersAsync(request, o), cancel, TimeSpan.FromMinutes(1));
            answer.Deleted += some.Deleted;
        }
        while (some is { More: true, Deleted: > 0 });
        session.Printer.Answer(answer, _ => Printer.Say($"deleted: {answer.Deleted}"));
        return ExitCodes.Ok;
    }
}
