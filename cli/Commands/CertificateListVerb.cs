using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate list: every certificate that the CA has a record of.</summary>
internal sealed class CertificateListVerb : Verb
{
    private readonly Option<TimeSpan?> within =
        Durations.Of("--expiring-within", "Only valid ones whose time is over within this", "12h|30d");
    private readonly Option<bool> revoked = new("--revoked") { Description = "Only revoked ones; the same as --state revoked" };
    private readonly Option<string?> state = new("--state") { Description = "Only those in this state", HelpName = "STATE" };
    private readonly Option<string?> name = new("--name") { Description = "Only certnames that begin with this", HelpName = "PREFIX" };
    private readonly Option<int?> limit = ListLimit.Option();

    public CertificateListVerb() : base("list", "List certificates by certname, valid, revoked and expired",
        "overture certificate list", "overture certificate list --name web --state valid",
        "overture certificate list --revoked -o json | jq -r '.certificates[] | [.certname, .serial, .revocationReason] | @tsv'")
    {
        state.AcceptOnlyFromAmong([.. CertificateText.States.Keys]);
        foreach (var option in (System.CommandLine.Option[])[within, revoked, state, name, limit])
            Options.Add(option);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var (asked, onlyRevoked) = (session.Parse.GetValue(state), session.Parse.GetValue(revoked));
        if (onlyRevoked && asked is not (null or "revoked"))
            throw Failure.Usage("give either --revoked or --state");
        var request = new ListCertificatesRequest
        {
            Prefix = session.Parse.GetValue(name) ?? "",
            State = onlyRevoked ? CertificateState.Revoked : asked is null ? CertificateState.Unspecified : CertificateText.States[asked],
            ExpiringWithin = session.Parse.GetValue(within)?.ToDuration(),
        };
        var most = ListLimit.Of(session, limit);
        var all = await CertificateText.Pages(session, request, most, cancel);
        session.Printer.Answer(all, p =>
        {
            if (all.Certificates.Count == 0)
                Printer.Say("no certificates");
            else
                CertificateText.Table(p, all.Certificates);
        });
        ListLimit.SayCut(all.NextPageToken.Length > 0, most);
        return ExitCodes.Ok;
    }
}

/// <summary>overture certificate expiring: the valid ones whose time is over soon, the most urgent first.</summary>
internal sealed class CertificateExpiringVerb : Verb
{
    private readonly Option<TimeSpan?> within = Durations.Of("--within", "Whose time is over within this (30d)", "12h|30d");
    private readonly Option<string?> name = new("--name") { Description = "Only certnames that begin with this", HelpName = "PREFIX" };

    public CertificateExpiringVerb() : base("expiring", "List valid certificates whose time is over soon, the most urgent first",
        "overture certificate expiring --within 30d",
        "overture certificate expiring --within 48h -o json | jq -r '.certificates[].certname'")
    {
        Options.Add(within);
        Options.Add(name);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var limit = session.Parse.GetValue(within) ?? TimeSpan.FromDays(30);
        var request = new ListCertificatesRequest { Prefix = session.Parse.GetValue(name) ?? "", ExpiringWithin = limit.ToDuration() };
        var found = await CertificateText.Pages(session, request, int.MaxValue, cancel);
        var sorted = new ListCertificatesResponse { Certificates = { found.Certificates.OrderBy(c => c.NotAfter.ToDateTimeOffset()) } };
        session.Printer.Answer(sorted, p =>
        {
            if (sorted.Certificates.Count == 0)
                Printer.Say("no valid certificate ends that soon");
            else
                CertificateText.Table(p, sorted.Certificates);
        });
        return ExitCodes.Ok;
    }
}
