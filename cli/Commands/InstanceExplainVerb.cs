using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance explain</summary>
internal sealed class InstanceExplainVerb : Verb
{
    private readonly Argument<string?> name = new("NAME")
    {
        Description = "Certname, or at least the first 4 characters of one; none: the causes of all, counted",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly FilterOptions filter = new("Without NAME, only");

    public InstanceExplainVerb() : base("explain", "Say why an instance is not ready, with proof; or what keeps the fleet from it",
        "overture instance explain 4f1c", "overture instance explain", "overture instance explain -l team=blue -o json")
    {
        Arguments.Add(name);
        filter.AddTo(this);
        Exits = ["1  the instance is not ready; without NAME: some are not"];
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        if (session.Parse.GetValue(name) is not { } typed)
            return await Fleet(session, cancel);
        if (filter.AreGiven(session.Parse))
            throw Failure.Usage("NAME and options that choose among all can't be given together");
        var request = new ExplainInstanceRequest { Certname = await Names.Resolve(session, typed, cancel) };
        var answer = await session.Conductor((c, o) => c.ExplainInstanceAsync(request, o), cancel);
        session.Printer.Answer(answer, _ => Show(answer, session.Clock), [answer.Certname]);
        return answer.Ready ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private async Task<int> Fleet(Session session, CancellationToken cancel)
    {
        var request = new SummarizeCausesRequest { Filter = filter.Read(session) };
        var answer = await session.Conductor((c, o) => c.SummarizeCausesAsync(request, o), cancel);
        session.Printer.Answer(answer, p => Show(p, answer, session.Clock), answer.Causes.SelectMany(c => c.Certnames));
        return answer.Broken == 0 ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static void Show(ExplainInstanceResponse answer, TimeProvider clock)
    {
        Printer.Facts(
            ("verdict", answer.Verdict),
            ("state", InstanceText.State(answer.State)),
            ("since", answer.Since is null ? "" : $"{InstanceText.Time(answer.Since)} ({InstanceText.Age(answer.Since, clock)})"),
            ("waits for", answer.WaitsFor));
        foreach (var (cause, index) in answer.Causes.Select((c, i) => (c, i)))
        {
            Say("", $"{(index == 0 ? "cause" : "also")}: {cause.Sentence} ({cause.Reason})");
            foreach (var proof in cause.Proofs.Where(p => p.Text.Length > 0))
                Say($"  {proof.Source}: {proof.Text}");
            Say($"  next: {cause.Next}");
        }
        if (answer.RuledOut.Count > 0)
            Say("", "ruled out:");
        foreach (var other in answer.RuledOut)
        {
            var at = other.Proof.At is null ? "" : $" ({InstanceText.Time(other.Proof.At)})";
            Say($"  {other.What}: {other.Proof.Text}{at}");
        }
        foreach (var unknown in answer.Unknown)
            Say($"  not known: {unknown}");
    }

    private static void Show(Printer printer, SummarizeCausesResponse answer, TimeProvider clock)
    {
        Printer.Say($"{answer.Total} instances, {answer.Total - answer.Broken} with nothing wrong, {answer.Broken} with a cause");
        if (answer.Causes.Count == 0)
            return;
        printer.Table(["COUNT", "CAUSE", "SINCE", "WHAT", "FOR EXAMPLE", Column.Wide("NEXT")], answer.Causes.Select(c => new[]
        {
            $"{c.Count}", c.Reason, InstanceText.Age(c.Since, clock), c.Sentence, c.Certnames.FirstOrDefault(""), c.Next,
        }));
    }

    private static void Say(params string[] lines)
    {
        foreach (var line in lines)
            Console.Out.WriteLine(Printable.Line(line));
    }
}
