using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture audit list: who did what, to which name, and why; newest first.</summary>
internal sealed class AuditListVerb : Verb
{
    private const int UsualLimit = 100;
    private static readonly TimeSpan CallLimit = TimeSpan.FromMinutes(10);
    private readonly Option<TimeSpan?> since = Durations.Of("--since", "Only the last so long", "30m|2h|7d");
    private readonly Option<string?> name = new("--name") { Description = "Only names that begin with this", HelpName = "PREFIX" };
    private readonly Option<string?> action = new("--action")
    {
        Description = "Only this action (cert.revoked), or all that begin with it and a dot (cert)",
        HelpName = "ACTION",
    };
    private readonly Option<string?> who = new("--who")
    {
        Description = "Only acts of those who have this in their name",
        HelpName = "WHO",
    };
    private readonly Option<int?> limit = ListLimit.Option();
    private readonly Option<bool> all = new("--all") { Description = $"All, not the newest {UsualLimit}" };

    public AuditListVerb() : base("list", "List the acts in the audit log of every CertAuthority, newest first",
        "overture audit list --since 2h", "overture audit list --action cert.revoked --all",
        "overture audit list --name web --who admin -o json | jq -r '.records[] | [.at, .action, .certname] | @tsv'")
    {
        foreach (var option in (System.CommandLine.Option[])[ since, name, action, who, limit, all])
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var everything = session.Parse.GetValue(all);
        if (everything && session.Parse.GetValue(limit) is not null)
            throw Failure.Usage("give either --all or --limit");
        var most = session.Parse.GetValue(limit) is null ? UsualLimit : ListLimit.Of(session, limit);
        var request = new ListAuditRecordsRequest
        {
            Since = session.Parse.GetValue(since) is { } span ? (session.Clock.GetUtcNow() - span).ToTimestamp() : null,
            NamePrefix = session.Parse.GetValue(name) ?? "",
            Action = session.Parse.GetValue(action) ?? "",
            Actor = session.Parse.GetValue(who) ?? "",
            Limit = everything ? 0 : most,
        };
        var whole = new ListAuditRecordsResponse();
        await session.CertAuthority((c, o) => c.ListAuditRecords(request, o), answer =>
        {
            whole.Records.AddRange(answer.Records);
            (whole.More, whole.Unreadable) = (answer.More, answer.Unreadable);
        }, cancel, CallLimit);
        session.Printer.Answer(whole, p =>
        {
            if (whole.Records.Count == 0)
                Printer.Say("no such act is in the audit log");
            else
                AuditExplainVerb.Table(p, whole.Records, withNames: true);
        });
        if (whole.More)
            Printer.Say($"these are the newest {whole.Records.Count}; for more: --all, or --limit N");
        if (whole.Unreadable > 0)
            Printer.Say($"warning: {whole.Unreadable} batches of the log can't be read; next: overture audit verify");
        return ExitCodes.Ok;
    }
}
