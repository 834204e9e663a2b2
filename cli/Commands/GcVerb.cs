using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture gc: which records, instances and certificates do not match; --apply repairs them.</summary>
internal sealed class GcVerb : Verb
{
    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Only report (the default)" };
    private readonly Option<bool> apply = new("--apply") { Description = "Repair what is found, and terminate instances without a record" };
    private readonly Option<int> limit = new("--limit")
    {
        Description = "How many may be terminated, where the brake holds them back",
        HelpName = "N",
    };

    public GcVerb() : base("gc",
        "Compare records, instances, certificates and definitions, and repair what does not match; definitions are only reported",
        "overture gc --dry-run", "overture gc --apply", "overture gc --apply --limit 40")
    {
        Options.Add(dryRun);
        Options.Add(apply);
        Options.Add(limit);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        if (session.Parse.GetValue(dryRun) && session.Parse.GetValue(apply))
            throw Failure.Usage("give either --dry-run or --apply", "overture gc --help");
        var request = new ReconcileRequest { Apply = session.Parse.GetValue(apply), Limit = session.Parse.GetValue(limit) };
        var answer = await session.Conductor((c, o) => c.ReconcileAsync(request, o), cancel, TimeSpan.FromMinutes(3));
        foreach (var unknown in answer.Unknown)
            Printer.Say($"error: the instances of {unknown} could not be listed");
        session.Printer.Answer(answer, p =>
        {
            var unfit = answer.Findings.Count + answer.Omitted;
            Printer.Say($"{answer.Records} records, {answer.Instances} instances, {unfit} that do not match");
            if (answer.Findings.Count > 0)
            {
                p.Table(["KIND", "CERTNAME", "INSTANCE", "WHAT", "OUTCOME"],
                    answer.Findings.Select(f => new[] { Kind(f.Kind), f.Certname, f.InstanceId, f.Detail, Outcome(f, request.Apply) }));
            }
            if (answer.Omitted > 0)
                Printer.Say($"{answer.Omitted} more of the definitions are not in the list");
        });
        var left = request.Apply && answer.Findings.Any(f => !f.Done);
        return answer.Unknown.Count > 0 ? ExitCodes.Unavailable : left ? ExitCodes.Failed : ExitCodes.Ok;
    }

    private static string Kind(FindingKind kind) => kind switch
    {
        FindingKind.Lost => "lost",
        FindingKind.Orphan => "orphan",
        FindingKind.ZombieCertificate => "zombie certificate",
        FindingKind.Ghost => "ghost",
        FindingKind.StrayDefinition => "stray definition",
        FindingKind.MissingDefinition => "missing definition",
        FindingKind.ReturnedNode => "returned node",
        _ => kind.ToString(),
    };

    private static string Outcome(Finding f, bool applied) =>
        f.Done ? $"done: {f.Action}" : f.HeldBack.Length > 0 ? $"left alone: {f.HeldBack}" : applied ? "left alone" : $"would {f.Action}";
}
