using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture profile show: the document as it is, fit for profile put; what is wrong with it goes to stderr.</summary>
internal sealed class ProfileShowVerb : Verb
{
    private readonly Argument<string> name = new("PROFILE") { Description = "Its name" };

    public ProfileShowVerb() : base("show", "Show a profile as it was written",
        "overture profile show web > web.yaml", "overture profile show web -o json | jq -r .profile.etag")
    {
        Arguments.Add(name);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new GetProfileRequest { Name = session.Parse.GetRequiredValue(name) };
        var answer = await session.Conductor((c, o) => c.GetProfileAsync(request, o), cancel);
        session.Printer.Answer(answer, p => Printer.Document(answer.Profile.Document));
        foreach (var problem in answer.Profile.Problems)
            Printer.Say(LaunchFile.Describe(request.Name, problem));
        return ExitCodes.Ok;
    }
}
