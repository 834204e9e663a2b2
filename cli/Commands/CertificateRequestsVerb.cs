using System.CommandLine;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>
/// overture certificate requests [NAME]: those held for a person; with a name, that one decoded, with what would make it sign.
/// </summary>
internal sealed class CertificateRequestsVerb : Verb
{
    private readonly Argument<string?> name = new("NAME")
    {
        Description = "Certname: show this request, decoded",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public CertificateRequestsVerb() : base("requests", "List the certificate requests that wait for approval, oldest first, or show one",
        "overture certificate requests", "overture certificate requests db1.example.com",
            "overture certificate requests -o json | jq '.requests[].spkiSha256'") =>
        Arguments.Add(name);

    /// <summary>The request that waits under a name; its key may be given by its first 8 or more digits.</summary>
    public static async Task<HeldRequest> Find(Session session, string certname, string key, CancellationToken cancel)
    {
        if (key.Length is < 8 or > 64 || !key.All(char.IsAsciiHexDigitLower))
        {
            throw Failure.Usage("--key: must be at least the first 8 hex digits of the key you saw",
                $"overture certificate requests {certname}");
        }
        var waiting = (await session.CertAuthority((c, o) => c.GetHeldRequestAsync(new GetHeldRequestRequest { Certname = certname }, o),
            cancel)).Request;
        return waiting.SpkiSha256.StartsWith(key, StringComparison.Ordinal)
            ? waiting
            : throw new Failure(ExitCodes.Conflict, $"the key that waits for {certname} is {waiting.SpkiSha256}, not {key}…",
                $"overture certificate requests {certname}");
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        if (session.Parse.GetValue(name) is { } one)
        {
            var answer = await One(session, one, cancel);
            session.Printer.Answer(answer, p => Show(p, answer.Request, session.Clock));
            return ExitCodes.Ok;
        }
        var all = await All(session, cancel);
        session.Printer.Answer(all, p =>
        {
            if (all.Requests.Count == 0)
            {
                Printer.Say("no request waits; why one was refused: overture audit explain NAME or ADDRESS");
                return;
            }
            p.Table(["CERTNAME", "KEY (SPKI SHA-256)", "REASON", "AGE", "FROM"], all.Requests.Select(r => new[]
            {
                r.Certname, r.SpkiSha256, r.Decision?.Reason ?? "", InstanceText.Age(r.ReceivedAt, session.Clock), r.Peer,
            }));
        });
        return ExitCodes.Ok;
    }

    private static async Task<GetHeldRequestResponse> One(Session session, string certname, CancellationToken cancel)
    {
        try
        {
            return await session.CertAuthority((c, o) => c.GetHeldRequestAsync(new GetHeldRequestRequest { Certname = certname }, o),
                cancel);
        }
        catch (Failure none) when (none.Exit is ExitCodes.NotFound or ExitCodes.Usage)
        {
            // It may have come and been refused, also because of its name.
            throw new Failure(none.Exit, none.Message, $"overture audit explain {certname}") { Code = none.Code, Reason = none.Reason,
                TraceId = none.TraceId, Fields = none.Fields };
        }
    }

    private static async Task<ListCertificateRequestsResponse> All(Session session, CancellationToken cancel)
    {
        var all = new ListCertificateRequestsResponse();
        var request = new ListCertificateRequestsRequest { PageSize = 500 };
        do
        {
            var page = await session.CertAuthority((c, o) => c.ListCertificateRequestsAsync(request, o), cancel);
            all.Requests.AddRange(page.Requests);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return all;
    }

    private static void Show(Printer printer, HeldRequest held, TimeProvider clock)
    {
        Printer.Facts(
            ("certname", held.Certname),
            ("key", $"{held.Key} {held.SpkiSha256}"),
            ("fingerprint", held.FingerprintSha256.Length > 0 ? $"(SHA256) {Colons(held.FingerprintSha256)}" : ""),
            ("age", InstanceText.Age(held.ReceivedAt, clock)),
            ("from", held.Peer),
            ("asks for names", string.Join(", ", held.RequestedDnsNames)),
            ("asks for extensions", string.Join(", ", held.RequestedExtensions.Select(e => $"{e.Key}={e.Value}"))),
            ("brought a token", held.BroughtChallenge ? "yes" : "no"),
            ("renews by itself", held.Renews ? "yes" : "no"),
            ("why", held.Decision is null ? "" : $"{held.Decision.Sentence} ({held.Decision.Reason})"),
            ("would sign it", held.Remedy));
        if (held.Decision?.Checks.Count > 0)
        {
            printer.Table(["CHECK", "EXPECTED", "OBSERVED", "PASSED"],
                held.Decision.Checks.Select(c => new[] { c.Name, c.Expected, c.Observed, c.Passed ? "yes" : "no" }));
        }
    }

    // As `puppet ssl` and `puppetserver ca list` print it, so that eyes can compare.
    private static string Colons(string hex) => string.Join(':', hex.ToUpperInvariant().Chunk(2).Select(pair => new string(pair)));
}
