using System.Collections.Concurrent;
using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance terminate: each is tried, several at a time; the exit code is the first failure's.</summary>
internal sealed class InstanceTerminateVerb : Verb
{
    private const int AtOnce = 8;

    // It is written down at once; a second or two more, and many are over.
    private static readonly TimeSpan Usual = TimeSpan.FromMinutes(3), Begun = TimeSpan.FromSeconds(4), Look = TimeSpan.FromSeconds(15),
        AfterCtrlC = TimeSpan.FromSeconds(3);
    private readonly Selection selection = new();
    private readonly Option<string> reason = new("--reason")
    {
        Description = "Why; kept in the records",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "terminated by overture instance terminate",
    };
    private readonly Option<bool> wait = new("--wait")
    {
        Description = "Until each is over; --wait=false: until that is written down, then it goes on by itself",
        DefaultValueFactory = _ => true,
    };
    private readonly Option<bool> force = new("--force")
    {
        Description = "Also what Overture itself or a puppetserver runs on, where it is named",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("For each (3m)");

    public InstanceTerminateVerb() : base("terminate", "Revoke the certificate, stop the instance, archive its definition",
        "overture instance terminate 4f1c --reason 'load test over'", "overture instance terminate -l team=blue,stage!=production",
        "overture instance terminate --profile load-test --yes --wait=false")
    {
        selection.AddTo(this);
        Options.Add(reason);
        Options.Add(wait);
        Options.Add(force);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        if (await selection.Choose(session, "terminate", cancel) is not { } chosen)
            return ExitCodes.Failed;
        var ends = new (Instance? Ended, Failure? Failure)[chosen.Count];
        var asked = new bool[chosen.Count];
        // The one connection of all.
        session.Open("conductor", session.Config.Conductor);
        var progress = new StepProgress(session.Clock, chosen.Count);
        try
        {
            await progress.While(() => Parallel.ForAsync(0, chosen.Count,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel },
                async (i, stop) =>
                {
                    asked[i] = true;
                    ends[i] = await End(session, chosen[i], progress, stop);
                }));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Print(session, ends);
            await SayWhatGoesOn(session, [.. chosen.Where((_, i) => ends[i] == default)], [.. chosen.Where((_, i) => asked[i])]);
            throw;
        }
        Print(session, ends);
        return ends.Select(e => e.Failure).OfType<Failure>().FirstOrDefault()?.Exit ?? ExitCodes.Ok;
    }

    // Interrupted: of each that has no result yet, whether it was begun.
    private static async Task SayWhatGoesOn(Session session, List<string> open, HashSet<string> asked)
    {
        var found = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        using var limit = new CancellationTokenSource(AfterCtrlC, session.Clock);
        await Task.WhenAll(open.Where(asked.Contains).Select(async certname =>
        {
            try
            {
                if ((await Known(session, certname, limit.Token)).State >= InstanceState.Terminating)
                    found[certname] = "goes on by itself";
            }
            catch (Exception e) when (e is Failure or OperationCanceledException)
            {
                found[certname] = "was asked for; if that arrived, it goes on by itself";
            }
        }));
        foreach (var certname in open)
            Printer.Say($"{certname}  {found.GetValueOrDefault(certname, "was not begun")}");
        if (!found.IsEmpty)
            Printer.Say("next: overture instance list --state terminating");
    }

    private static void Print(Session session, (Instance? Ended, Failure? Failure)[] ends)
    {
        foreach (var failure in ends.Select(e => e.Failure).OfType<Failure>())
            session.Printer.Error(failure);
        var gone = ends.Select(e => e.Ended).OfType<Instance>().ToList();
        session.Printer.Answer(new ListInstancesResponse { Instances = { gone } }, p =>
        {
            if (gone.Count > 0)
                p.Table(["CERTNAME", "STATE", "SERIAL"], gone.Select(i => new[] { i.Certname, InstanceText.Summary(i), i.Serial }));
        });
    }

    private async Task<(Instance?, Failure?)> End(Session session, string certname, StepProgress progress, CancellationToken cancel)
    {
        var result = await Ended(session, certname, progress, cancel);
        progress.Report(certname, result.Item1 is { } ended ? InstanceText.Summary(ended) : $"error: {result.Item2!.Message}", ends: true);
        return result;
    }

    private async Task<(Instance?, Failure?)> Ended(Session session, string certname, StepProgress progress, CancellationToken cancel)
    {
        var request = new TerminateInstanceRequest
        {
            Certname = certname,
            Reason = session.Parse.GetRequiredValue(reason),
            Force = session.Parse.GetValue(force),
        };
        var waits = session.Parse.GetValue(wait);
        var steps = new TerminationSteps(session, certname, progress);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var following = Task.CompletedTask;
        try
        {
            var known = await Known(session, certname, cancel);
            if (waits && (request.Force || !known.Protected) && known.State != InstanceState.Terminated)
            {
                await steps.Begin(cancel);
                following = steps.Follow(over.Token);
            }
            var answer = await session.ConductorAgain((c, o) => c.TerminateInstanceAsync(request, o),
                waits ? session.Parse.GetValue(timeout) ?? Usual : Begun, cancel);
            return (answer.Instance, null);
        }
        catch (Failure failure) when (!waits && failure.Exit is ExitCodes.Timeout or ExitCodes.Unavailable)
        {
            return await Written(session, certname, failure, cancel);
        }
        catch (Failure failure)
        {
            return (null, failure);
        }
        finally
        {
            await over.CancelAsync();
            await following;
            if (following != Task.CompletedTask && !cancel.IsCancellationRequested)
                await steps.Look(cancel);
        }
    }

    // Not over in that time, by the answer or without one: what counts is whether it is written down.
    private static async Task<(Instance?, Failure?)> Written(Session session, string certname, Failure failure, CancellationToken cancel)
    {
        try
        {
            var found = await Known(session, certname, cancel);
            return found.State >= InstanceState.Terminating ? (found, null) : (null, failure);
        }
        catch (Failure)
        {
            return (null, failure);
        }
    }

    private static async Task<Instance> Known(Session session, string certname, CancellationToken cancel) =>
        (await session.ConductorAgain((c, o) => c.GetInstanceAsync(new() { Certname = certname }, o), Look, cancel)).Instance;
}
