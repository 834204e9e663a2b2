using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture certificate requests: those held for a person.</summary>
internal sealed class CertificateRequestsVerb() : Verb("requests", "List the certificate requests that wait for a person, oldest first",
    "overture certificate requests", "overture certificate requests -o json | jq '.requests[].spkiSha256'")
{
    protected override async Task<int> Run(Session session, CancellationToken cancel)
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
        session.Printer.Answer(all, p =>
        {
            if (all.Requests.Count == 0)
            {
                Printer.Say("no request waits");
                return;
            }
            p.Table(["CERTNAME", "KEY (SPKI SHA-256)", "REASON", "AGE", "FROM"], all.Requests.Select(r => new[]
            {
                r.Certname, r.SpkiSha256, r.Decision?.Reason ?? "", InstanceText.Age(r.ReceivedAt, session.Clock), r.Peer,
            }));
        });
        return ExitCodes.Ok;
    }
}
