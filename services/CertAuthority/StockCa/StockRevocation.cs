using System.Collections.Concurrent;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockCa;

/// <summary>Ends at puppetserver's own CA what was claimed for it. For any other name there is nothing to do.</summary>
internal sealed class StockRevocation(
    StockCaClient ca, ClaimStore claims, StockCertificates certificates, AuditLog audit, Timeline timeline, CertAuthorityOptions options,
    ILogger<StockRevocation> log)
{
    /// <summary>Timeline key, and message on the change feed.</summary>
    public const string Waits = "stock-ca-unavailable";

    private readonly ConcurrentDictionary<CertName, bool> waiting = [];

    /// <returns>The serial that is on puppetserver's CRL now, if any.</returns>
    /// <exception cref="FaultException">STOCK_CA_UNAVAILABLE: try again; reported already, once.</exception>
    public async Task<IReadOnlyList<string>> Run(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 1. Whose is it?
        if (!await IsStock(name, cancel))
            return [];
        if (!options.StockCa.Enabled)
        {
            await ReportUnconfigured(name);
            return [];
        }
        try
        {
            return await Revoke(name, cause, by, cancel);
        }
        catch (FaultException e) when (e.Reason == Reason.StockCaUnavailable)
        {
            if (waiting.TryAdd(name, true))
                StockLog.StockRevocationWaits(log, name, e.Message);
            timeline.Add(AuditLog.Service, name, Waits, $"revoking waits: {e.Message}", Reason.StockCaUnavailable);
            throw;
        }
    }

    /// <summary>The same in its own time: the approver hears of the block, if there is an approver.</summary>
    public async Task Request(CertName name, CancellationToken cancel)
    {
        if (!options.StockCa.Enabled && await IsStock(name, cancel))
            await ReportUnconfigured(name);
    }

    private async Task<bool> IsStock(CertName name, CancellationToken cancel) =>
        (await claims.Of(name, cancel)).Any(c => c.Issuer == Issuers.Stock);

    private async Task<IReadOnlyList<string>> Revoke(CertName name, RevocationCause cause, Caller by, CancellationToken cancel)
    {
        // 2. Which certificate it is. Asked for first: afterwards it may be gone.
        var certificate = await ca.Certificate(name, cancel) is { } pem ? StockCertificate.Read(pem) : null;
        // 3. On puppetserver's CRL.
        var revoked = await ca.Revoke(name, cancel);
        // 4. Record it, and report it.
        if (revoked && certificate is not null && await certificates.PutRevoked(name, certificate, cause, by.Actor, cancel))
        {
            await audit.Write(AuditAction.StockRevoked, name.ToString(), by, certificate.Serial, certificate.SpkiSha256, cancel: cancel);
            timeline.Add(AuditLog.Service, name, "stock-revoked",
                $"puppetserver's own CA has revoked certificate {certificate.Serial}", proof: ObjectKeys.StockRevocation(name));
        }
        // 5. An instance that ends leaves nothing there, a request that still waits included.
        if (cause.Kind == BlockKind.Terminated)
            await ca.Delete(name, cancel);
        waiting.TryRemove(name, out _);
        if (revoked && certificate is not null)
            return [certificate.Serial];
        // Gone from there: the approver may have ended it at the same time, which is recorded before it is dropped.
        return await certificates.RevokedSerial(name, cancel) is { } serial ? [serial] : [];
    }

    private async Task ReportUnconfigured(CertName name)
    {
        if (waiting.TryAdd(name, true))
            StockLog.StockCaNotConfigured(log, name);
        timeline.Add(AuditLog.Service, name, Waits,
            $"puppetserver's own CA signed it, and stockCa is not configured, so it is not revoked there. Run puppetserver ca clean "
                + $"--certname {name}", Reason.StockCaUnavailable);
    }
}
