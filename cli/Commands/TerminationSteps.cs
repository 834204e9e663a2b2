using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// The steps of one termination as its timeline has them, shown as they come. Best effort: what cannot be read is not shown.
/// </summary>
internal sealed class TerminationSteps(Session session, string certname, StepProgress progress)
{
    private const string First = "terminating", Last = "terminated";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(700), Limit = TimeSpan.FromSeconds(5);
    private readonly HashSet<string> shown = new(StringComparer.Ordinal);

    /// <summary>What happened before is not shown; of a termination that goes on already, its steps are.</summary>
    public async Task Begin(CancellationToken cancel)
    {
        progress.Report(certname, First);
        foreach (var line in (await Read(cancel)).TakeWhile(e => e.Key != First))
            shown.Add(line.Key);
    }

    /// <summary>Shows each step, until it is stopped.</summary>
    public async Task Follow(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Pause, session.Clock, stop);
                await Look(stop);
                progress.Tick(certname);
            }
        }
        catch (OperationCanceledException)
        {
            // over, or interrupted
        }
    }

    /// <summary>Shows the steps since.</summary>
    public async Task Look(CancellationToken cancel)
    {
        foreach (var line in await Read(cancel))
        {
            if (shown.Add(line.Key) && line.Key is not (First or Last))
                progress.Report(certname, line.Detail.Length > 0 ? line.Detail : line.Key);
        }
    }

    private async Task<IReadOnlyList<TimelineEvent>> Read(CancellationToken cancel)
    {
        try
        {
            return (await session.Conductor((c, o) => c.GetTimelineAsync(new() { Certname = certname }, o), cancel, Limit)).Events;
        }
        catch (Failure)
        {
            return [];
        }
    }
}
