using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>overture audit explain</summary>
internal sealed class AuditExplainVerb : Verb
{
    private const int SerialLength = 32;
    private readonly Argument<string> subject = new("SERIAL|NAME") { Description = "Serial number (hexadecimal), or certname, or at least the first 4 characters of one" };

    public AuditExplainVerb() : base("explain", "Say why a certificate exists, or does not: who, when, by which facts",
        "overture audit explain 4f1c", "overture audit explain 4f86ad3b9c6e4d718a5c0e94b7f3d2164e") => Arguments.Add(subject);

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
        // A serial of ours has 34 digits; that of a CA that was moved in may be short, and is then typed as 0x0f.
        if (typed.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return new ExplainCertificateRequest { Serial = typed[2..] };
        if (typed.Length >= SerialLength && typed.All(char.IsAsciiHexDigit))
            return new ExplainCertificateRequest { Serial = typed };
        return new ExplainCertificateRequest { Certname = await Names.Resolve(session, typed, cancel) };
    }

    private static void Show(Printer printer, ExplainCertificateResponse answer)
    {
        Printer.Facts(("certname", answer.Certname), ("summary", answer.Summary));
        foreach (var claim in answer.Claims)
            Show(printer, claim);
        if (answer.Held is { } held)
            Section("waits for a person", ("since", InstanceText.Time(held.ReceivedAt)), ("from", held.Peer), ("key", held.SpkiSha256), ("why", held.Decision?.Sentence ?? ""), ("would sign", held.Remedy));
        if (answer.Blocks.Count > 0)
        {
            Section("blocks");
            printer.Table(["AT", "KIND", "BY", "WHY"], answer.Blocks.Select(b => new[] { InstanceText.Time(b.At), $"{b.Kind}".ToLowerInvariant(), b.By, b.Sentence }));
        }
        if (answer.Audit.Count > 0)
        {
            Section("audit");
            printer.Table(["AT", "ACTION", "OUTCOME", "BY", "FROM", "REASON", "WHAT"], answer.Audit.Select(r => new[]
            {
                InstanceText.Time(r.At), r.Action, r.Outcome, r.Actor, r.Peer, r.Decision?.Reason ?? "", r.Decision?.Sentence ?? "",
            }));
        }
    }

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
            ("extensions", string.Join(", ", grant.Extensions.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value}"))),
            ("launch key", explained.LaunchKid),
            ("replica", claim.Replica),
            ("revoked", explained.Revocation is { } revoked ? $"{InstanceText.Time(revoked.At)} by {revoked.By}: {revoked.Sentence}" : ""));
        if (claim.Decision?.Checks.Count > 0)
            printer.Table(["CHECK", "EXPECTED", "OBSERVED", "PASSED"], claim.Decision.Checks.Select(c => new[] { c.Name, c.Expected, c.Observed, c.Passed ? "yes" : "no" }));
    }

    private static void Section(string title, params (string Name, string Value)[] facts)
    {
        Printer.Document($"\n{Printable.Line(title)}\n");
        Printer.Facts(facts);
    }
}
