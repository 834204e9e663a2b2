using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture profile validate: every rule that a file breaks, by the Conductor's own reading of it.</summary>
internal sealed class ProfileValidateVerb : Verb
{
    private readonly Argument<string> file = new("FILE") { Description = "start_instance.yaml, or proto JSON of a LaunchSpec; - is stdin" };

    public ProfileValidateVerb() : base("validate", "Report every rule that a file would break as a profile, by line",
        "overture profile validate web.yaml")
    {
        Exits = ["2  it breaks a rule"];
        Arguments.Add(file);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var path = session.Parse.GetRequiredValue(file);
        var request = new ValidateProfileRequest { Document = YamlFile.Text(path, ExitCodes.Usage) };
        var answer = await session.Conductor((c, o) => c.ValidateProfileAsync(request, o), cancel);
        session.Printer.Answer(answer, p =>
        {
            foreach (var problem in answer.Problems)
                Printer.Document(Printable.Line(LaunchFile.Describe(path, problem)));
        });
        DoubtfulText.Say(path, answer.Warnings);
        return answer.Problems.Count == 0 ? ExitCodes.Ok : ExitCodes.Usage;
    }
}
