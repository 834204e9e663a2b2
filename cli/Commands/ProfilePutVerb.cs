using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture profile put: writes a profile, says which version it replaced, and how to get that back.</summary>
internal sealed class ProfilePutVerb : Verb
{
    private readonly Argument<string> name = new("PROFILE") { Description = "Its name, 1-64 of a-z 0-9 . _ -" };
    private readonly Option<string> file = new("-f",
        "--file") { Description = "start_instance.yaml, or proto JSON of a LaunchSpec; - is stdin", HelpName = "FILE", Required = true };
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
        var from = session.Parse.GetRequiredValue(file);
        var document = YamlFile.Text(from, ExitCodes.Usage);
        var before = await StoredDocument.Profile(session, profile, cancel);
        var request = new PutProfileRequest { Document = document, Name = profile, Etag = session.Parse.GetValue(etag) ?? before.Version };
        var answer = await session.Conductor((c, o) => c.PutProfileAsync(request, o), cancel);
        session.Printer.Answer(answer, p => Printer.Facts(("profile", answer.Profile.Name), ("version", answer.Profile.Etag)));
        DoubtfulText.Say(from, answer.Warnings);
        before.SayReplaced($"profile-{profile}", document, Again(profile), session.Clock);
        return ExitCodes.Ok;
    }

    /// <summary>The command that puts a file in place of the stored profile.</summary>
    internal static string Again(string name) => $"overture profile put {name}";
}
