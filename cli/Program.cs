using System.Runtime.InteropServices;
using Overture.Cli;
using Overture.Cli.Commands;
using Overture.Cli.Hooks;

// Puppet calls a link or a launcher and knows no subcommands. The hooks stay clear of the command-line parser, for speed.
switch (Path.GetFileName(Environment.GetCommandLineArgs()[0]), args)
{
    case ("overture-enc", _):
        StandardStreams.Open();
        return await EncHook.Run(args);
    // A link or a copy, which decides nothing; and a launcher whose first line was cut off behind the path.
    case ("overture-autosign", _) or (_, [['/', ..], ..]):
        StandardStreams.Open();
        return await AutosignHook.Refuse(args);
    case (_, [AutosignLauncher.Argument, _, ..]):
        StandardStreams.Open();
        return await AutosignHook.Run(args[2..]);
}

using var stop = new CancellationTokenSource();
var code = ExitCodes.Ok;
void Stop(PosixSignalContext signal, int exit)
{
    // The second signal ends the process at once, as everywhere.
    signal.Cancel = !stop.IsCancellationRequested;
    code = exit;
    stop.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, s => Stop(s, ExitCodes.Interrupted));
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, s => Stop(s, ExitCodes.Terminated));
var result = await CommandTree.Run(args, stop.Token);
return result == ExitCodes.Interrupted ? code : result;
