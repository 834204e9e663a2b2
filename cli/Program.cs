using System.Runtime.InteropServices;
using Overture.Cli;
using Overture.Cli.Commands;
using Overture.Cli.Hooks;

// One binary, three names: Puppet calls a link and knows no subcommands. The hooks stay clear of the command-line parser, for speed.
switch (Path.GetFileName(Environment.GetCommandLineArgs()[0]))
{
    case "overture-enc":
        StandardStreams.Open();
        return await EncHook.Run(args);
    case "overture-autosign":
        StandardStreams.Open();
        return await AutosignHook.Run(args);
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
