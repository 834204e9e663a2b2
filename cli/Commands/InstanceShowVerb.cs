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
        session.Printer.Answer(answer, p => Show(p, answer.Instance, session.Clock));
        return ExitCodes.Ok;
    }

    internal static void Show(Printer printer, Instance i, TimeProvider clock)
    {
        Printer.Facts(
            ("certname", i.Certname),
            ("state", InstanceText.State(i.State)),
            ("provider", i.Provider),
            ("instance", i.InstanceId),
            ("addresses", string.Join(", ", i.Addresses)),
            ("image", i.Image),
            ("type", i.InstanceType),
            ("placed", i.Placed),
            ("profile", i.Profile),
            ("role", i.Role),
            ("environment", i.Environment),
            ("labels", InstanceText.Labels(i)),
            ("protected", i.Protected ? "yes" : ""),
            ("ends", InstanceText.Time(i.Expires)),
            ("launched by", i.LaunchedBy),
            ("request", i.RequestId),
            ("created", InstanceText.Time(i.CreatedAt)),
            ("token until", InstanceText.Time(i.Deadline)),
            ("last report", i.LastReport is null ? "" : $"{InstanceText.Time(i.LastReport)} ({InstanceText.Age(i.LastReport, clock)} ago)"),
            ("serial", i.Serial),
            ("trace", i.TraceId));
        printer.Table(["STATE", "AT"], i.States.Select(s => new[] { InstanceText.State(s.State), InstanceText.Time(s.At) }));
        foreach (var condition in i.Conditions)
        {
            Console.Out.WriteLine(Printable.Line($"{InstanceText.Condition(condition.Type)} for {InstanceText.Age(condition.Since, clock)} "
                + $"({condition.Reason}): {condition.Message}"));
            if (condition.Next.Length > 0)
                Console.Out.WriteLine(Printable.Line($"  next: {condition.Next}"));
        }
    }
}
