using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>overture audit explain</summary>
internal sealed class AuditExplainVerb : Verb
{
    private const int SerialLength = 32;
    private static readonly string[] Marks = ["0x", "serial=", "serial number"];
    private readonly Argument<string> subject = new("SERIAL|NAME|ADDRESS")
    {
        Description =
            "Serial number (hexadecimal); certname, or at least the first 4 characters of one; the name in a request that was refused "
                + "because it is not a certname; IP address of a request",
    };

    public AuditExplainVerb() : base("explain", "Explain why a certificate exists, or does not: who, when, from which facts",
        "overture audit explain 4f1c", "overture audit explain 4f86ad3b9c6e4d718a5c0e94b7f3d2164e", "overture audit explain 192.0.2.7") =>
            Arguments.Add(subject);

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var request = await Request(session, cancel);
        var answer = await session.CertAuthority((c, o) => c.ExplainCertificateAsync(request, o), cancel, TimeSpan.FromMinutes(5));
        session.Printer.Answer(answer, p => Show(p, answer));
        return ExitCodes.Ok;
    }

    private async Task<ExplainCertificateRequest> Request(Session session, CancellationToken cancel)
    {
        var typed = session.Parse.GetRequiredValue(subject);
        if (System.Net.IPAddress.TryParse(typed, out _)
            && (typed.Contains(':', StringComparison.Ordinal) || typed.Count(c => c == '.') == 3))
        {
            return new ExplainCertificateRequest { Address = typed };
        }
        // A serial of ours has 34 digits; that of a CA that was moved in may be short, and is then typed as 0x0f.
        var marked = Marks.Any(m => typed.StartsWith(m, StringComparison.OrdinalIgnoreCase))
            || typed.Contains(':', StringComparison.Ordinal);
        if (marked || (typed.Length >= SerialLength && typed.All(char.IsAsciiHexDigit)))
            return new ExplainCertificateRequest { Serial = typed };
        return new ExplainCertificateRequest { Certname = await Names.Resolve(session, typed, cancel) };
    }

    private static void Show(Printer printer, ExplainCertificateResponse answer)
    {
        Printer.Facts(("certname", answer.Certname), ("summary", answer.Summary));
        foreach (var claim in answer.Claims)
            Show(printer, claim);
        if (answer.Held is { } held)
        {
            Section("waits for approval", ("since", InstanceText.Time(held.ReceivedAt)), ("from", held.Peer), ("key", held.SpkiSha256),
                ("why", held.Decision?.Sentence ?? ""), ("would sign", held.Remedy));
        }
        if (answer.Blocks.Count > 0)
        {
            Section("blocks");
            printer.Table(["AT", "KIND", "BY", "WHY"],
                answer.Blocks.Select(b => new[] { InstanceText.Time(b.At), $"{b.Kind}".ToLowerInvariant(), b.By, b.Sentence }));
        }
        if (answer.Audit.Count > 0)
        {
            Section("audit");
            // Of one name it would be the same in each line.
            Table(printer, answer.Audit, withNames: answer.Certname.Length == 0);
        }
    }

    /// <summary>Audit records, a line each.</summary>
    internal static void Table(Printer printer, IReadOnlyCollection<AuditRecord> records, bool withNames)
    {
        string[] name = withNames ? ["NAME"] : [];
        printer.Table(["AT", "ACTION", "OUTCOME", .. name, "BY", "FROM", "REASON", "WHAT"], records.Select(r => (string[])
        [
            InstanceText.Time(r.At), r.Action, r.Outcome, .. name.Select(_ => NameOf(r)), r.Actor, From(r), r.Decision?.Reason ?? "",
            r.Decision?.Sentence ?? "",
        ]));
    }

    private static string NameOf(AuditRecord record) => record.AskedName.Length > 0 ? record.AskedName : record.Certname.Length > 0
        ? record.Certname : Few(record.Names);

    private static string From(AuditRecord record) => record.Peer.Length > 0
        ? record.Peer : Few([.. record.Sources.Select(s => s.Address).Where(a => a.Length > 0)]);

    private static string Few(IReadOnlyCollection<string> many) => string.Join(", ", many.Take(3)) + (many.Count > 3 ? ", …" : "");

    private static void Show(Printer printer, ExplainedClaim explained)
    {
        var claim = explained.Claim;
        var grant = claim.Grant ?? new Grant();
        Section($"claim {claim.Claim_}",
            ("serial", claim.Serial),
            ("signs", claim.Issuer == "stock" ? "puppetserver's own CA" : claim.Issuer),
            ("decision", claim.Decision is null ? "" : $"{claim.Decision.Outcome}, {claim.Decision.Reason}"),
            ("why", claim.Decision?.Sentence ?? ""),
            ("received", InstanceText.Time(claim.CsrReceivedAt)),
            ("claimed", InstanceText.Time(claim.ClaimedAt)),
            ("signed", InstanceText.Time(explained.Certificate?.SignedAt)),
            ("not after", InstanceText.Time(claim.NotAfter)),
            ("key", claim.SpkiSha256),
            ("token hash", claim.TokenSha256),
            ("granted by", grant.Source),
            ("dns names", string.Join(", ", grant.DnsAltNames)),
            ("extensions", string.Join(", ", grant.Extensions.OrderBy(e => e.Key, StringComparer.Ordinal)
                .Select(e => $"{e.Key}={e.Value}"))),
            ("launch key", explained.LaunchKid),
            ("replica", claim.Replica),
            ("revoked", explained.Revocation is { } revoked ? $"{InstanceText.Time(revoked.At)} by {revoked.By}: {revoked.Sentence}" : ""));
        if (claim.Decision?.Checks.Count > 0)
        {
            printer.Table(["CHECK", "EXPECTED", "OBSERVED", "PASSED"],
                claim.Decision.Checks.Select(c => new[] { c.Name, c.Expected, c.Observed, c.Passed ? "yes" : "no" }));
        }
    }

    private static void Section(string title, params (string Name, string Value)[] facts)
    {
        Printer.Document($"\n{Printable.Line(title)}\n");
        Printer.Facts(facts);
    }
}
