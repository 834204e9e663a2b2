using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance timeline</summary>
internal sealed class InstanceTimelineVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public InstanceTimelineVerb() : base("timeline", "Show what happened to an instance, oldest first",
        "overture instance timeline 4f1c") => Arguments.Add(name);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new GetTimelineRequest { Certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel) };
        var answer = await session.Conductor((c, o) => c.GetTimelineAsync(request, o), cancel);
        session.Printer.Answer(answer, p => p.Table(["AT", "SINCE", "SERVICE", "WHAT", "REASON"], answer.Events.Select(e => new[]
        {
            InstanceText.Time(e.At),
            e.At is null || answer.Events[0].At is null ? "" : $"+{(e.At - answer.Events[0].At).ToTimeSpan().TotalSeconds:0.0}s",
            e.Service,
            e.Detail.Length > 0 ? e.Detail : e.Key,
            e.Reason,
        })));
        if (session.Printer.Format == OutputFormat.Table && answer.TraceId.Length > 0)
            Printer.Say($"trace {answer.TraceId}");
        return ExitCodes.Ok;
    }
}
