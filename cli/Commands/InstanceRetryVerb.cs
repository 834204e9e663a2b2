using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// overture instance retry: asks the provider again for instances that it did not start, and replaces those that stalled.
/// </summary>
internal sealed class InstanceRetryVerb : Verb
{
    private readonly Selection selection = new();
    private readonly Option<bool> failed = new("--failed")
    {
        Description = "Of those named or chosen, only those whose launch failed or whose boot stalled",
    };
    private readonly Option<bool> force = new("--force")
    {
        Description = "Ask again also where the provider refused the launch for good",
    };
    private readonly Option<bool> keepFailed = new("--keep-failed")
    {
        Description = "Leave a stalled instance running beside its replacement, for a look at it",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("For each (2m)");

    public InstanceRetryVerb() : base("retry",
        "Retry the start of instances that the provider did not start; replace those whose boot stalled",
        "overture instance retry 4f1c", "overture instance retry --failed -l team=blue",
        "overture instance retry --failed --profile web --keep-failed --yes")
    {
        selection.AddTo(this);
        Options.Add(failed);
        Options.Add(force);
        Options.Add(keepFailed);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        // Nothing else can be retried, so those that are chosen by what they have in common are always of these.
        if (await selection.Choose(session, "retry", cancel, IsFailed) is not { } chosen)
            return ExitCodes.Failed;
        var asked = session.Parse.GetValue(failed) ? await Failed(session, chosen, cancel) : chosen;
        if (asked.Count == 0 && chosen.Count > 0)
            Printer.Say("of these no launch failed and no boot stalled");
        var answer = new LaunchInstancesResponse();
        Failure? first = null;
        foreach (var certname in asked)
        {
            try
            {
                var retried = await session.Conductor((c, o) =>
                    c.RetryInstanceAsync(new() { Certname = certname, KeepFailed = session.Parse.GetValue(keepFailed),
                        Force = session.Parse.GetValue(force) }, o), cancel,
                    session.Parse.GetValue(timeout) ?? TimeSpan.FromMinutes(2));
                answer.Results.Add(new LaunchResult { Instance = retried.Instance, Reason = retried.Reason, Detail = retried.Detail });
                if (retried.Reason.Length > 0)
                {
                    Printer.Say($"error: {certname}: {retried.Detail} ({retried.Reason})");
                }
                else if (retried.Replaces.Length > 0)
                {
                    Printer.Say(
                        $"{retried.Instance.Certname} takes the place of {certname}"
                            + $"{(retried.Detail.Length > 0 ? $"; {retried.Detail}" : "")}");
                }
            }
            catch (Failure failure)
            {
                session.Printer.Error(failure);
                first ??= failure;
            }
        }
        session.Printer.Answer(answer, p =>
        {
            if (answer.Results.Count > 0)
            {
                p.Table(["CERTNAME", "STATE", "INSTANCE"],
                    answer.Results.Select(r => new[] { r.Instance.Certname, InstanceText.Summary(r.Instance), r.Instance.InstanceId }));
            }
        });
        return first?.Exit ?? (answer.Results.Any(r => r.Reason.Length > 0) ? ExitCodes.Failed : ExitCodes.Ok);
    }

    private static bool IsFailed(Instance instance) =>
        instance.Conditions.Any(c => c.Type is ConditionType.LaunchFailed or ConditionType.Stalled);

    private static async Task<IReadOnlyList<string>> Failed(Session session, IReadOnlyList<string> chosen, CancellationToken cancel)
    {
        var failed = new List<string>();
        foreach (var certname in chosen)
        {
            if (IsFailed((await session.Conductor((c, o) => c.GetInstanceAsync(new() { Certname = certname }, o), cancel)).Instance))
                failed.Add(certname);
        }
        return failed;
    }
}
