using System.CommandLine;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture ca init: the Puppet CA, below HOME/ca.</summary>
internal sealed class CaInitVerb : Verb
{
    private readonly Option<string?> home = PkiInitVerb.Home();
    private readonly Option<string?> name = new("--name")
    {
        Description = "Goes into the signing CA's name, \"Puppet CA: NAME\"; else this host's name",
        HelpName = "NAME",
    };

    private readonly Option<string> keyType = KeyTypeOption();

    public CaInitVerb() : base("init", "Create the Puppet CA, a root and the intermediate that signs; an existing one is kept",
        "overture ca init", "overture ca init --home /srv/overture --name puppet.example.com --key-type p256")
    {
        Options.Add(home);
        Options.Add(name);
        Options.Add(keyType);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = Path.Combine(Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome()), "ca");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(directory)!,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var init = new PuppetCaInit(directory, session.Clock);
            var called = session.Parse.GetValue(name) ?? Environment.MachineName.ToLowerInvariant();
            var written = session.Parse.GetValue(keyType) == P256 ? init.InitP256(called) : init.Init(called);
            session.Printer.Answer(PkiInitVerb.Files(written), _ =>
            {
                foreach (var file in written)
                    Printer.Document(file);
            });
            Printer.Say(written.Count == 0
                ? $"nothing to do: there is a CA in {directory}"
                : $"created the CA in {directory}; keep {PuppetCaInit.RootKey} and {PuppetCaInit.Passphrase} somewhere safe");
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
    private const string Rsa4096 = "rsa4096", P256 = "p256";

    private static Option<string> KeyTypeOption()
    {
        var option = new Option<string>("--key-type")
        {
            Description = "rsa4096 as puppetserver makes, or p256: signing costs a hundredth, but puppetserver's own CA can't take it over",
            HelpName = $"{Rsa4096}|{P256}",
            DefaultValueFactory = _ => Rsa4096,
        };
        option.AcceptOnlyFromAmong(Rsa4096, P256);
        return option;
    }
}
