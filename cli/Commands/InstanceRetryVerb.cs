using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// overture instance retry: asks the provider again for instances that it did not start, and replaces those that stalled.
/// </summary>
internal sealed class InstanceRetryVerb : Verb
{
    private readonly Argument<string[]> names = new("NAME")
    {
        Description = "Certnames, or at least the first 4 characters of each",
        Arity = ArgumentArity.ZeroOrMore,
    };
    private readonly Option<bool> failed = new("--failed") { Description = "Every instance whose launch failed or whose boot stalled" };
    private readonly Option<bool> keepFailed = new("--keep-failed")
    {
        Description = "Leave a stalled instance running beside its replacement, for a look at it",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("For each (2m)");

    public InstanceRetryVerb() : base("retry",
        "Retry the start of instances that the provider did not start; replace those whose boot stalled",
        "overture instance retry 4f1c", "overture instance retry --failed",
            "overture instance retry --failed --keep-failed && overture instance list --state running")
    {
        Arguments.Add(names);
        Options.Add(failed);
        Options.Add(keepFailed);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var typed = session.Parse.GetValue(names) ?? [];
        if (typed.Length == 0 != session.Parse.GetValue(failed))
            throw Failure.Usage("give either names or --failed", "overture instance retry --help");
        var chosen = typed.Length > 0 ? await Names.Resolve(session, typed, cancel)
            : [.. (await Names.Pages(session, new ListInstancesRequest(), cancel))
                .Where(i => i.Trouble is InstanceTrouble.LaunchFailed or InstanceTrouble.BootStalled).Select(i => i.Certname)];
        var answer = new LaunchInstancesResponse();
        Failure? first = null;
        foreach (var certname in chosen)
        {
            try
            {
                var retried = await session.Conductor((c, o) =>
                    c.RetryInstanceAsync(new() { Certname = certname, KeepFailed = session.Parse.GetValue(keepFailed) }, o), cancel,
                    session.Parse.GetValue(timeout) ?? TimeSpan.FromMinutes(2));
                answer.Results.Add(new LaunchResult { Instance = retried.Instance, Reason = retried.Reason, Detail = retried.Detail });
                if (retried.Reason.Length > 0)
                {
                    Printer.Say($"error: {certname}: {retried.Detail} ({retried.Reason})");
                }
                else if (retried.Replaces.Length > 0)
                {
                    Printer.Say(
                        $"{certname} stalled, {retried.Instance.Certname} takes its "
                            + $"place{(retried.Detail.Length > 0 ? $"; {retried.Detail}" : "")}");
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
            else if (first is null)
            {
                Printer.Say("no launch failed and no boot stalled");
            }
        });
        return first?.Exit ?? (answer.Results.Any(r => r.Reason.Length > 0) ? ExitCodes.Failed : ExitCodes.Ok);
    }
}
