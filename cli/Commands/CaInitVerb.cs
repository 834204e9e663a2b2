using System.CommandLine;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture ca init: the Puppet CA, below HOME/ca.</summary>
internal sealed class CaInitVerb : Verb
{
    private readonly Option<string?> home = PkiInitVerb.Home();
    private readonly Option<string?> name = new("--name") { Description = "Goes into the signing CA's name, \"Puppet CA: NAME\"; else this host's name", HelpName = "NAME" };

    public CaInitVerb() : base("init", "Make the Puppet CA, a root and the intermediate that signs; one that is there stays",
        "overture ca init", "overture ca init --home /srv/overture --name puppet.example.com")
    {
        Options.Add(home);
        Options.Add(name);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = Path.Combine(Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome()), "ca");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(directory)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var written = new PuppetCaInit(directory, session.Clock).Init(session.Parse.GetValue(name) ?? Environment.MachineName.ToLowerInvariant());
            session.Printer.Answer(PkiInitVerb.Files(written), _ =>
            {
                foreach (var file in written)
                    Printer.Document(file);
            });
            Printer.Say(written.Count == 0
                ? $"nothing to do: there is a CA in {directory}"
                : $"made the CA in {directory}; keep {PuppetCaInit.RootKey} and {PuppetCaInit.Passphrase} somewhere safe");
            return Task.FromResult(ExitCodes.Ok);
        }
        catch (ArgumentException e)
        {
            throw Failure.Usage($"--name: {e.Message}");
        }
        catch (InvalidOperationException e)
        {
            throw new Failure(ExitCodes.Conflict, e.Message);
        }
    }
}
