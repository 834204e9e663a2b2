using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture profile put: writes a profile, and never over a version that the person has not seen.</summary>
internal sealed class ProfilePutVerb : Verb
{
    private readonly Argument<string> name = new("PROFILE") { Description = "Its name, 1-64 of a-z 0-9 . _ -" };
    private readonly Option<string> file = new("-f", "--file") { Description = "start_instance.yaml, or proto JSON of a LaunchSpec; - is stdin", HelpName = "FILE", Required = true };
    private readonly Option<string?> etag = new("--etag")
    {
        Description = "Version it must replace; else the one stored now, and a missing profile is created",
        HelpName = "ETAG",
    };

    public ProfilePutVerb() : base("put", "Write a profile",
        "overture profile put web -f web.yaml",
        "overture profile show web | sed s/small/large/ | overture profile put web -f -")
    {
        Arguments.Add(name);
        Options.Add(file);
        Options.Add(etag);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var profile = session.Parse.GetRequiredValue(name);
        var request = new PutProfileRequest
        {
            Document = YamlFile.Text(session.Parse.GetRequiredValue(file), ExitCodes.Usage),
            Name = profile,
            Etag = session.Parse.GetValue(etag) ?? await Stored(session, profile, cancel),
        };
        var answer = await session.Conductor((c, o) => c.PutProfileAsync(request, o), cancel);
        session.Printer.Answer(answer, p => Printer.Facts(("profile", answer.Profile.Name), ("version", answer.Profile.Etag)));
        return ExitCodes.Ok;
    }

    private static async Task<string> Stored(Session session, string profile, CancellationToken cancel)
    {
        try
        {
            return (await session.Conductor((c, o) => c.GetProfileAsync(new GetProfileRequest { Name = profile }, o), cancel)).Profile.Etag;
        }
        catch (Failure failure) when (failure.Exit == ExitCodes.NotFound)
        {
            return "";
        }
    }
}
