using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture audit verify: exit 0 only if the whole audit log holds.</summary>
internal sealed class AuditVerifyVerb : Verb
{
    private readonly Option<string?> expect = new("--expect")
    {
        Description = "Heads saved earlier (--save-heads, or -o json): each must still be in its stream",
        HelpName = "FILE",
    };
    private readonly Option<string?> save = new("--save-heads")
    {
        Description = "Where to write the heads of an intact log; a place the service can't write to",
        HelpName = "FILE",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("At most this long (1h)");

    public AuditVerifyVerb() : base("verify", "Read the audit log from its first record to its last, and compare it with every certificate",
        "overture audit verify --save-heads heads.json", "overture audit verify --expect heads.json --save-heads heads.json")
    {
        Exits = ["1  the log is broken, or does not hold what it is expected to"];
        Options.Add(expect);
        Options.Add(save);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = new VerifyAuditRequest();
        if (session.Parse.GetValue(expect) is { } file)
            request.Expected.Add(AuditHeadsFile.Read(file));
        var verdict = new VerifyAuditResponse();
        await session.CertAuthority((c, o) => c.VerifyAudit(request, o), answer =>
        {
            if (!answer.Done)
                Printer.Say($"{answer.Records} records in {answer.Batches} batches so far");
            verdict = answer;
        }, cancel, session.Parse.GetValue(timeout) ?? TimeSpan.FromHours(1));
        if (!verdict.Done)
        {
            throw new Failure(ExitCodes.Unavailable, "the service ended the verification without a verdict",
                "nothing is lost; try again in a moment");
        }

        session.Printer.Answer(verdict, p => Show(p, verdict));
        if (verdict.Problems.Count > 0)
        {
            // The heads on file are evidence now, and stay as they are.
            var count = verdict.Problems.Count == 1 ? "1 problem" : $"{verdict.Problems.Count} problems";
            throw new Failure(ExitCodes.Failed, $"the audit log failed verification: {count}",
                "keep the heads you have; compare with a copy of the bucket (docs/operations.md)") { Reason = "AUDIT_BROKEN" };
        }
        if (session.Parse.GetValue(save) is { } kept)
            AuditHeadsFile.Write(kept, verdict.Heads);
        return ExitCodes.Ok;
    }

    private static void Show(Printer printer, VerifyAuditResponse verdict)
    {
        Printer.Facts(("verdict", verdict.Problems.Count == 0 ? "holds" : "broken"), ("streams", $"{verdict.Heads.Count}"),
            ("batches", $"{verdict.Batches}"), ("records", $"{verdict.Records}"));
        if (verdict.Heads.Count > 0)
            printer.Table(["STREAM", "BATCH", "HEAD"], verdict.Heads.Select(h => new[] { h.Stream, $"{h.Sequence}", h.HeadSha256 }));
        if (verdict.Problems.Count > 0)
            printer.Table(["PROBLEM"], verdict.Problems.Select(p => new[] { p }));
    }
}
