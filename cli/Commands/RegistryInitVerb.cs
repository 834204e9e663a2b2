using System.CommandLine;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture registry init: a Redis user and password for each service.</summary>
internal sealed class RegistryInitVerb : Verb
{
    private readonly Option<string?> home = PkiInitVerb.Home();
    private readonly Option<string> deployment = new("--deployment")
    {
        Description = "The services' option of this name, where they have one",
        HelpName = "NAME",
        DefaultValueFactory = _ => "",
    };

    public RegistryInitVerb() : base("init",
        "Create a Redis user for each service: redis/SERVICE.password, and redis/users.conf for the server; passwords are kept",
        "overture registry init", "overture registry init --home /srv/overture --deployment production")
    {
        Options.Add(home);
        Options.Add(deployment);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome());
        var called = session.Parse.GetValue(deployment) ?? "";
        if (called.Length > 32 || !called.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            throw Failure.Usage($"--deployment: '{called}' is not 1-32 of [a-z0-9-]");
        var written = new RegistryUsers(directory).Init(called);
        session.Printer.Answer(PkiInitVerb.Files(written), _ =>
        {
            foreach (var file in written)
                Printer.Document(file);
        });
        Printer.Say(written.Count == 0 ? $"nothing to do: {directory}/redis is complete"
            : $"wrote {written.Count} files; {directory}/redis/users.conf is for redis.conf or an aclfile");
        return Task.FromResult(ExitCodes.Ok);
    }
}
