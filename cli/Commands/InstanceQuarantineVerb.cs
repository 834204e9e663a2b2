using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance quarantine: nothing is signed, renewed or classified for it until that is lifted.</summary>
internal sealed class InstanceQuarantineVerb : Verb
{
    private readonly Argument<string> name = Names.One();
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the records",
        HelpName = "TEXT",
        Required = true,
    };
    private readonly Option<bool> lift = new("--lift") { Description = "End the quarantine" };

    public InstanceQuarantineVerb() : base("quarantine",
        "Block an instance until the quarantine is lifted: no certificate, renewal or classification",
        "overture instance quarantine 4f1c --reason 'odd traffic'", "overture instance quarantine 4f1c --lift --reason 'it was the backup'")
    {
        Arguments.Add(name);
        Options.Add(reason);
        Options.Add(lift);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel);
        var request = new QuarantineInstanceRequest { Certname = certname, Reason = session.Parse.GetRequiredValue(reason),
            Lift = session.Parse.GetValue(lift) };
        var answer = await session.Conductor((c, o) => c.QuarantineInstanceAsync(request, o), cancel);
        session.Printer.Answer(answer, _ => Printer.Say(answer.Instance.Quarantined
            ? $"{certname} gets no certificate, renewal or classification; what it holds stays good: overture certificate revoke ends "
                + "that too"
            : $"{certname} is out of quarantine"));
        return ExitCodes.Ok;
    }
}
