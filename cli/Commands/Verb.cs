using System.CommandLine;
using System.Security.Cryptography;
using Grpc.Core;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>One thing a person can do: its words, its examples, and the act.</summary>
internal abstract class Verb : Command
{
    protected Verb(string name, string description, params string[] examples) : base(name, description)
    {
        Examples = examples;
        SetAction(Invoke);
    }

    /// <summary>Whole command lines, shown below --help.</summary>
    public IReadOnlyList<string> Examples { get; }

    /// <summary>Exit codes that mean something special of this verb, a line each, shown below --help: "1  an instance failed".</summary>
    public IReadOnlyList<string> Exits { get; protected init; } = [];

    /// <returns>The exit code.</returns>
    /// <exception cref="Failure">Printed, with its own exit code.</exception>
    /// <exception cref="RpcException">Only from calls made through <see cref="Session"/>, which translates them.</exception>
    protected abstract Task<int> Run(Session session, CancellationToken cancel);

    private async Task<int> Invoke(ParseResult parse, CancellationToken cancel)
    {
        using var session = new Session(parse, TimeProvider.System);
        Times.Zone = parse.GetValue(Globals.Utc) ? TimeZoneInfo.Utc : TimeZoneInfo.Local;
        try
        {
            return await Run(session, cancel);
        }
        catch (Failure failure)
        {
            session.Printer.Error(failure.Next.Length > 0 ? failure : failure.Then(NextOf(failure)));
            return failure.Exit;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Printer.Say("interrupted");
            return ExitCodes.Interrupted;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            session.Printer.Error(new Failure(ExitCodes.Failed, e.Message, "check that path and who may use it, then repeat the command"));
            return ExitCodes.Failed;
        }
        catch (Exception e)
        {
            // The edge of the process: a bug is reported as one, not as a stack trace on the terminal.
            session.Printer.Error(new Failure(
                ExitCodes.Internal, $"this is a bug in overture: {e.GetType().Name}: {e.Message}",
                "please report it with the command line you typed"));
            return ExitCodes.Internal;
        }
    }

    // Where neither the verb nor the service has a better one.
    private string NextOf(Failure failure) => failure.Exit switch
    {
        ExitCodes.NotFound => "overture instance list --all, or overture profile list, show the names there are",
        ExitCodes.Conflict => "look at its state (overture instance show NAME), then repeat it or let it be",
        ExitCodes.Config => "docs/cli.md shows a configuration; overture health tries it",
        _ => $"{string.Join(' ', Above(this).Reverse())} --help has its arguments and examples",
    };

    private static IEnumerable<string> Above(Command command)
    {
        for (Command? at = command; at is not null; at = at.Parents.OfType<Command>().FirstOrDefault())
            yield return at is RootCommand ? "overture" : at.Name;
    }
}
