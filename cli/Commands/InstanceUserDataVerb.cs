using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance user-data</summary>
internal sealed class InstanceUserDataVerb : Verb
{
    private readonly Argument<string> name = Names.One();

    public InstanceUserDataVerb() : base("user-data", "Show an instance's user data, rendered now, with what is secret masked",
        "overture instance user-data 4f1c") => Arguments.Add(name);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new GetUserDataRequest { Certname = await Names.Resolve(session, session.Parse.GetRequiredValue(name), cancel) };
        var answer = await session.Conductor((c, o) => c.GetUserDataAsync(request, o), cancel);
        session.Printer.Answer(answer, _ =>
        {
            foreach (var line in answer.UserData.TrimEnd('\n').Split('\n'))
                Console.Out.WriteLine(Printable.Line(line.TrimEnd('\r')));
        });
        return ExitCodes.Ok;
    }
}
