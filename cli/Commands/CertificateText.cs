using Overture.CertAuthority.V1;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>How certificates read in lists, and their words for states.</summary>
internal static class CertificateText
{
    // The first page may have to wait for new certificates to be read.
    private static readonly TimeSpan PageLimit = TimeSpan.FromMinutes(1);

    /// <summary>Every state a person may name.</summary>
    public static IReadOnlyDictionary<string, CertificateState> States { get; } =
        Enum.GetValues<CertificateState>().Where(s => s != CertificateState.Unspecified).ToDictionary(State, s => s);

    /// <summary>"valid", "revoked" or "expired"; "unknown": a service of before these words.</summary>
    public static string State(CertificateState state) => state switch
    {
        CertificateState.Valid => "valid",
        CertificateState.Revoked => "revoked",
        CertificateState.Expired => "expired",
        _ => "unknown",
    };

    /// <summary>Over all pages, at most so many.</summary>
    public static async Task<ListCertificatesResponse> Pages(Session session, ListCertificatesRequest request, int most,
        CancellationToken cancel)
    {
        var all = new ListCertificatesResponse();
        do
        {
            request.PageSize = Math.Min(500, most - all.Certificates.Count);
            var page = await session.CertAuthority((c, o) => c.ListCertificatesAsync(request, o), cancel, PageLimit);
            all.Certificates.AddRange(page.Certificates);
            all.NextPageToken = request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0 && all.Certificates.Count < most);
        return all;
    }

    public static void Table(Printer printer, IEnumerable<CertificateSummary> certificates) => printer.Table(
        ["CERTNAME", "SERIAL", "STATE", "NOT BEFORE", "NOT AFTER", "KEY", "GRANTED BY", "REVOKED"], certificates.Select(c => new[]
        {
            c.Certname, c.Serial, State(c.State), InstanceText.Time(c.NotBefore), InstanceText.Time(c.NotAfter), c.KeyAlgorithm,
            c.GrantedBy, Revoked(c),
        }));

    private static string Revoked(CertificateSummary certificate) => certificate.State != CertificateState.Revoked ? ""
        : certificate.RevokedAt is null ? "its record is gone"
        : $"{InstanceText.Time(certificate.RevokedAt)} by {certificate.RevokedBy}: {certificate.RevocationReason}";
}
