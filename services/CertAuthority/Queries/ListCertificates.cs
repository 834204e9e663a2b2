using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Rpc;

namespace Overture.CertAuthority.Queries;

/// <summary>
/// Lists certificates: what never changes from <see cref="CertificateRows"/>, their state from the revocations of this moment.
/// </summary>
internal sealed class ListCertificates(ObjectStore store, CertificateRows rows, RevocationStore revocations, TimeProvider clock)
{
    private const int UsualPage = 50, LargestPage = 500, LongestPrefix = 200;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);
    // As at the last first page.
    private volatile HashSet<string> stockRevoked = [];

    public async Task<ListCertificatesResponse> Page(ListCertificatesRequest request, CancellationToken cancel)
    {
        if (request.PageSize is < 0 or > LargestPage)
            throw FaultException.Invalid("page_size", $"must be 1-{LargestPage}; 0 means {UsualPage}");
        if (!System.Enum.IsDefined(request.State))
            throw FaultException.Invalid("state", "is not a state");
        if (request.Prefix.Length > LongestPrefix)
            throw FaultException.Invalid("prefix", $"must have at most {LongestPrefix} characters");
        var within = MessageTimes.Read(request.ExpiringWithin, "expiring_within");
        if (within < TimeSpan.FromSeconds(1) || within > Longest)
            throw FaultException.Invalid("expiring_within", "must be 1 s to 36500 d");
        var size = request.PageSize == 0 ? UsualPage : request.PageSize;
        var after = CertificatePageToken.Read(request);

        // 1. as the store is now; the pages after the first go on from there
        if (after is null || !rows.IsWhole)
        {
            await rows.Refresh(cancel);
            await revocations.All(cancel);
            stockRevoked = await StockRevoked(cancel);
        }
        var stock = stockRevoked;

        // 2. one more than the page, to know whether another follows
        var now = clock.GetUtcNow();
        var until = within is { } span ? now + span : (DateTimeOffset?)null;
        var found = rows.Table.Take(after, request.Prefix, size + 1, row => IsWanted(row, request.State, until, now, stock));

        // 3. with who revoked it, and why
        var response = new ListCertificatesResponse();
        foreach (var row in found.Take(size))
            response.Certificates.Add(await Shown(row, StateOf(row, stock, now), cancel));
        if (found.Count > size)
            response.NextPageToken = CertificatePageToken.Write(found[size - 1].Place, request);
        return response;
    }

    /// <summary>The state of any certificate.</summary>
    public static CertificateState StateOf(bool revoked, DateTimeOffset notAfter, DateTimeOffset now) =>
        revoked ? CertificateState.Revoked : notAfter <= now ? CertificateState.Expired : CertificateState.Valid;

    private bool IsWanted(CertificateRow row, CertificateState state, DateTimeOffset? until, DateTimeOffset now, HashSet<string> stock)
    {
        // Most rows are sorted out by their time alone.
        if (until is { } end && (row.NotAfter > end.ToUnixTimeSeconds() || row.NotAfter <= now.ToUnixTimeSeconds()))
            return false;
        if (state == CertificateState.Unspecified && until is null)
            return true;
        var actual = StateOf(row, stock, now);
        return (state == CertificateState.Unspecified || actual == state) && (until is null || actual == CertificateState.Valid);
    }

    private CertificateState StateOf(CertificateRow row, HashSet<string> stock, DateTimeOffset now) => StateOf(
        row.Issuer == Issuers.Stock ? stock.Contains(row.Certname) : revocations.IsKnown(SerialNumber.Recorded(row.Serial)),
        DateTimeOffset.FromUnixTimeSeconds(row.NotAfter), now);

    private async Task<CertificateSummary> Shown(CertificateRow row, CertificateState state, CancellationToken cancel)
    {
        var summary = new CertificateSummary
        {
            Certname = row.Certname,
            Serial = row.Serial,
            NotAfter = new Timestamp { Seconds = row.NotAfter },
            State = state,
            GrantedBy = row.GrantedBy,
            KeyAlgorithm = row.KeyAlgorithm,
            Issuer = row.Issuer,
        };
        if (row.NotBefore is { } begin)
            summary.NotBefore = new Timestamp { Seconds = begin };
        if (state != CertificateState.Revoked)
            return summary;
        var revoked = row.Issuer == Issuers.Stock
            ? await store.Get<RevocationRecord>(ObjectKeys.StockRevocation(CertName.Parse(row.Certname)), cancel)
            : revocations.Find(SerialNumber.Recorded(row.Serial));
        (summary.RevokedAt, summary.RevocationReason, summary.RevokedBy) = (revoked?.At, revoked?.Sentence ?? "", revoked?.By ?? "");
        return summary;
    }

    // As a rule none: only where puppetserver keeps its own CA.
    private async Task<HashSet<string>> StockRevoked(CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(ObjectKeys.StockCertificates, null, cancel))
        {
            if (key.Split('/') is [_, _, var name, "revoked"])
                names.Add(name);
        }
        return names;
    }
}
