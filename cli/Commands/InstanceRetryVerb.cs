using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture instance retry: asks the provider again for instances that it did not start.</summary>
internal sealed class InstanceRetryVerb : Verb
{
    private readonly Argument<string[]> names = new("NAME") { Description = "Certnames, or at least the first 4 characters of each", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<bool> failed = new("--failed") { Description = "Every instance whose launch failed" };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("For each (2m)");

    public InstanceRetryVerb() : base("retry", "Ask the provider again for instances that it did not start, with the same name, user data and client token",
        "overture instance retry 4f1c", "overture instance retry --failed")
    {
        Arguments.Add(names);
        Options.Add(failed);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var typed = session.Parse.GetValue(names) ?? [];
        if (typed.Length == 0 != session.Parse.GetValue(failed))
            throw Failure.Usage("give either names or --failed", "overture instance retry --help");
        var chosen = typed.Length > 0 ? await Names.Resolve(session, typed, cancel)
            : [.. (await Names.Pages(session, new ListInstancesRequest(), cancel)).Where(i => i.Trouble == InstanceTrouble.LaunchFailed).Select(i => i.Certname)];
        var answer = new LaunchInstancesResponse();
        Failure? first = null;
        foreach (var certname in chosen)
        {
            try
            {
                var retried = await session.Conductor((c, o) => c.RetryInstanceAsync(new() { Certname = certname }, o), cancel, session.Parse.GetValue(timeout) ?? TimeSpan.FromMinutes(2));
                answer.Results.Add(new LaunchResult { Instance = retried.Instance, Reason = retried.Reason, Detail = retried.Detail });
                if (retried.Reason.Length > 0)
                    Printer.Say($"error: {certname}: {retried.Detail} ({retried.Reason})");
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
                p.Table(["CERTNAME", "STATE", "INSTANCE"], answer.Results.Select(r => new[] { r.Instance.Certname, InstanceText.Summary(r.Instance), r.Instance.InstanceId }));
            else if (first is null)
                Printer.Say("no launch failed");
        });
        return first?.Exit ?? (answer.Results.Any(r => r.Reason.Length > 0) ? ExitCodes.Failed : ExitCodes.Ok);
    }
}
