using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Hooks;
using Overture.Cli.Output;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>overture hook install: the policy executable of a puppetserver that keeps its own CA.</summary>
internal sealed class HookInstallVerb : Verb
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly Argument<string> file = new("FILE")
    {
        Description = "What puppet.conf's autosign names; a link or an older hook there is replaced",
    };

    public HookInstallVerb() : base("install",
        "Write overture-autosign: a small script that starts this binary, and signs nothing where it can't be executed",
        "overture hook install /usr/bin/overture-autosign") => Arguments.Add(file);

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var path = Path.GetFullPath(session.Parse.GetRequiredValue(file));
        var binary = Environment.ProcessPath ?? throw new Failure(ExitCodes.Internal, "the path of this executable is unknown");
        if (Directory.Exists(path) || path == binary)
        {
            throw Failure.Usage(path == binary ? $"{path} is overture itself" : $"{path} is a directory",
                "overture hook install /usr/bin/overture-autosign");
        }
        // Whole or not at all: a hook that was cut off half-way is what this is against.
        PrivateFile.Write(path, AutosignLauncher.Text(binary, path), Mode);
        // Whatever the umask of this shell.
        File.SetUnixFileMode(path, Mode);
        var document = new Struct { Fields = { ["file"] = Value.ForString(path), ["starts"] = Value.ForString(binary) } };
        session.Printer.Answer(document, _ => Printer.Facts(("file", path), ("starts", binary)));
        Printer.Say($"next: autosign = {path} in [server] of puppet.conf, and overture-autosign --replay CERTNAME csr.pem as user puppet");
        return Task.FromResult(ExitCodes.Ok);
    }
}
