using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance terminate: each name is tried; the exit code is the first failure's.</summary>
internal sealed class InstanceTerminateVerb : Verb
{
    private readonly Argument<string[]> names = Names.Many();
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the records",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "terminated by overture instance terminate",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("For each (3m)");

    public InstanceTerminateVerb() : base("terminate", "Revoke the certificate, stop the instance, archive its definition",
        "overture instance terminate 4f1c --reason 'load test over'",
            "overture instance terminate $(overture instance list -o json | jq -r '.instances[].certname')")
    {
        Arguments.Add(names);
        Options.Add(reason);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var gone = new ListInstancesResponse();
        Failure? first = null;
        foreach (var certname in await Names.Resolve(session, session.Parse.GetRequiredValue(names), cancel))
        {
            var request = new TerminateInstanceRequest { Certname = certname, Reason = session.Parse.GetRequiredValue(reason) };
            try
            {
                var answer = await session.ConductorAgain((c, o) => c.TerminateInstanceAsync(request, o), session.Parse.GetValue(timeout)
                    ?? TimeSpan.FromMinutes(3), cancel);
                gone.Instances.Add(answer.Instance);
            }
            catch (Failure failure)
            {
                session.Printer.Error(failure);
                first ??= failure;
            }
        }
        session.Printer.Answer(gone, p =>
        {
            if (gone.Instances.Count > 0)
            {
                p.Table(["CERTNAME", "STATE", "SERIAL"],
                    gone.Instances.Select(i => new[] { i.Certname, InstanceText.Summary(i), i.Serial }));
            }
        });
        return first?.Exit ?? ExitCodes.Ok;
    }
}
