using Overture.Cli.Output;

namespace Overture.Cli.Hooks;

/// <summary>
/// --replay: the same run with each step and its time on stderr, for a person who asks why Puppet does not get its answer.
/// </summary>
/// <param name="began">Timestamp of the start.</param>
internal sealed class Replay(long began)
{
    /// <summary>One line: milliseconds since the start, and what is done by then.</summary>
    public void Step(string text) =>
        Printer.Say(string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $"{TimeProvider.System.GetElapsedTime(began).TotalMilliseconds,7:0.0} ms  {text}"));

    /// <summary>Who runs it with which configuration: what differs most between a shell and puppetserver.</summary>
    public void Configuration(CliConfig config)
    {
        if (Environment.UserName != "puppet")
        {
            var pointed = config.IsPointed ? $" OVERTURE_HOOKS_CONFIG={config.Source}" : "";
            Printer.Say(
                $"run by {Environment.UserName}; as puppetserver runs it: setpriv --reuid puppet --regid puppet --init-groups env "
                    + $"-i{pointed} {AutosignLauncher.CommandLine(Environment.GetCommandLineArgs())}");
        }
        var how = config.IsPointed ? " (OVERTURE_HOOKS_CONFIG; puppetserver needs it in its own environment)" : "";
        Step($"configuration {config.Source}{how}, log: {config.Log}");
    }
}
