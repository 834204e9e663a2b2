using Grpc.Core;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>
/// When a call whose connection was lost is made again: after pauses that double, a limited number of times, and not beyond the time given.
/// </summary>
/// <param name="clock">For the pauses.</param>
/// <param name="answered">The service has answered this command before: every lost connection is worth a further try, not only one that
/// broke while it answered.</param>
/// <param name="end">When the time given is over.</param>
/// <param name="say">Gets a sentence when the connection is lost, and when it is there again.</param>
internal sealed class Reconnection(TimeProvider clock, bool answered, DateTimeOffset end, Action<string> say)
{
    // In all about two minutes. Counted in tries: where this host was frozen, its clock jumps.
    private const int MaxTries = 12;
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(15);
    private int tries;

    /// <summary>Waits until the next try is due.</summary>
    /// <param name="error">What ended the call.</param>
    /// <param name="why">The same in a person's words.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>False: it is no lost connection, or was tried for long enough.</returns>
    public async Task<bool> Wait(RpcException error, Failure why, CancellationToken cancel)
    {
        var pause = TimeSpan.FromTicks(Math.Min(Longest.Ticks, First.Ticks << tries));
        if (!(answered ? RpcFailures.IsLostConnection(error) : RpcFailures.IsCutOff(error)) || tries == MaxTries
            || clock.GetUtcNow() + pause >= end)
        {
            return false;
        }
        answered = true;
        if (tries++ == 0)
            say($"{why.Message}; connecting again");
        await Task.Delay(pause, clock, cancel);
        return true;
    }

    /// <summary>There was an answer.</summary>
    public void Succeeded()
    {
        if (tries > 0)
            say($"connected again, after {tries} {(tries == 1 ? "try" : "tries")}");
        (answered, tries) = (true, 0);
    }
}
