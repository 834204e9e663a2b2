using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance show</summary>
internal sealed class InstanceShowVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public InstanceShowVerb() : base("show", "Show an instance and the states it reached",
        "overture instance show 4f1c", "overture instance show 4f1c -o json | jq .instance.state") => Arguments.Add(name);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new GetInstanceRequest { Certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel) };
        var answer = await session.Conductor((c, o) => c.GetInstanceAsync(request, o), cancel);
        session.Printer.Answer(answer, p => Show(p, answer.Instance));
        return ExitCodes.Ok;
    }

    internal static void Show(Printer printer, Instance i)
    {
        Printer.Facts(
            ("certname", i.Certname),
            ("state", InstanceText.State(i.State)),
            ("trouble", InstanceText.Trouble(i.Trouble)),
            ("why", i.TroubleDetail),
            ("provider", i.Provider),
            ("instance", i.InstanceId),
            ("image", i.Image),
            ("type", i.InstanceType),
            ("profile", i.Profile),
            ("role", i.Role),
            ("environment", i.Environment),
            ("labels", string.Join(", ", i.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"))),
            ("request", i.RequestId),
            ("created", InstanceText.Time(i.CreatedAt)),
            ("token until", InstanceText.Time(i.Deadline)),
            ("serial", i.Serial),
            ("trace", i.TraceId));
        printer.Table(["STATE", "AT"], i.States.Select(s => new[] { InstanceText.State(s.State), InstanceText.Time(s.At) }));
    }
}
