using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.StockCa;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.StockApproval;

/// <summary>
/// From a claim for puppetserver's own CA to the fact that puppetserver signed it, by us or by overture-autosign. Looks
/// at what was signed, since puppetserver signs whatever lies in its queue by then.
/// </summary>
internal sealed class ConfirmSigned(
    StockCaClient ca, ObjectStore store, ClaimStore claims, StockCertificates certificates, StockRevocation revocation,
    EnrollmentContextReader context, AuditLog audit, Timeline timeline, TimeProvider clock, ILogger<ConfirmSigned> log)
{
    /// <summary>By then, a requested signature was made.</summary>
    private static readonly TimeSpan NothingComes = TimeSpan.FromMinutes(1);

    private static readonly Caller By = Caller.Own("stock-approver");
    private readonly HashSet<string> seen = new(StringComparer.Ordinal);
    private readonly Dictionary<CertName, Claim> open = [];

    /// <summary>
    /// Looks for claims it has not seen, and for names that were blocked since: while puppetserver was away, or by a second key.
    /// </summary>
    public async Task Scan(CancellationToken cancel)
    {
        foreach (var prefix in new[] { ObjectKeys.Claims, ObjectKeys.Blocks })
        {
            await foreach (var key in store.List(prefix, null, cancel))
            {
                if (seen.Contains(key) || key.Split('/') is not [_, _, var text, _] || !CertName.TryParse(text, out var name, out _))
                    continue;
                await Notice(name, cancel);
                seen.Add(key);
            }
        }
    }

    /// <summary>There may be a claim of this name, or a block.</summary>
    public async Task Notice(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await claims.Find(name, ClaimStore.Launched, cancel) is { Issuer: Issuers.Stock } claim)
                open[name] = claim;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            Log.SweepFailed(log, $"the claim of {name}", e.Message);
        }
    }

    /// <summary>Asks for the certificate of every claim that has none yet.</summary>
    public async Task Run(CancellationToken cancel)
    {
        foreach (var (name, claim) in open.ToList())
        {
            try
            {
                await Settle(claim, signedByUs: false, cancel);
            }
            catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
            {
                Log.SweepFailed(log, $"the claim of {name}", e.Message);
                open.Remove(name);
            }
        }
    }

    /// <param name="claim">Of issuer "stock".</param>
    /// <param name="signedByUs">We just asked puppetserver to; then a wrong certificate is our doing, and ours to undo.</param>
    /// <param name="cancel">Nothing is lost: it is asked for again.</param>
    public async Task Settle(Claim claim, bool signedByUs, CancellationToken cancel)
    {
        if (await IsSettled(CertName.Parse(claim.Certname), claim, signedByUs, cancel))
            open.Remove(CertName.Parse(claim.Certname));
    }

    private async Task<bool> IsSettled(CertName name, Claim claim, bool signedByUs, CancellationToken cancel)
    {
        if (await certificates.Find(name, cancel) is null)
        {
            // 1. What puppetserver holds under the name.
            if (await ca.Certificate(name, cancel) is not { } pem)
                return await IsGivenUp(name, claim, cancel);
            var certificate = StockCertificate.Read(pem);
            // 2. Is it this claim's?
            if (certificate?.SpkiSha256 != claim.SpkiSha256 || certificate.CommonName != claim.Certname)
                return await Alarm(name, claim, certificate, signedByUs, cancel);
            // 3. The fact, then the report.
            await Confirmed(name, claim, certificate, cancel);
        }
        // 4. The blocks once more: revocation blocks first and asks puppetserver after, so at least one of the two sees the other.
        if (await Bar(name, cancel) is { } late && !await certificates.IsRevoked(name, cancel))
            await revocation.Run(name, late, By, cancel);
        return true;
    }

    // An old claim is looked at with the next scan only; one that may not be signed any more, never again.
    private async Task<bool> IsGivenUp(CertName name, Claim claim, CancellationToken cancel)
    {
        if (clock.GetUtcNow() - claim.ClaimedAt.ToDateTimeOffset() < NothingComes)
            return false;
        if (await Bar(name, cancel) is null)
            seen.Remove(ObjectKeys.Claim(name, claim.Claim_));
        return true;
    }

    private async Task Confirmed(CertName name, Claim claim, StockCertificate certificate, CancellationToken cancel)
    {
        var launch = (await context.Launch(name, cancel)).Launch;
        using var span = FlowTelemetry.Step(FlowTelemetry.Sign, launch?.Traceparent, claim.Certname);
        span?.SetTag(FlowTelemetry.SerialTag, certificate.Serial);
        if (!await certificates.Put(claim, certificate, cancel))
            return;
        await audit.Write(AuditAction.StockSigned, claim.Certname, By, certificate.Serial, claim.SpkiSha256, claim.Decision, cancel);
        timeline.Add(AuditLog.Service, name, InstanceEvents.Signed,
            $"certificate {certificate.Serial} signed by puppetserver's own CA: {claim.Decision.Sentence}; the agent collects it by itself",
            proof: ObjectKeys.StockCertificate(name));
    }

    private async Task<bool> Alarm(CertName name, Claim claim, StockCertificate? certificate, bool signedByUs, CancellationToken cancel)
    {
        var (spki, serial) = (certificate?.SpkiSha256 ?? "", certificate?.Serial ?? "");
        const string sentence = "puppetserver's own CA holds a certificate of another key than the one that brought the token";
        StockLog.StockKeyMismatch(log, name, serial, claim.SpkiSha256, spki);
        var decision = DecisionOutcome.Refuse.Because(Reason.TokenConflict, sentence);
        await audit.Write(AuditAction.StockMismatch, claim.Certname, By, serial, spki, decision, cancel);
        timeline.Add(AuditLog.Service, name, "stock-mismatch",
            $"{sentence} (serial {serial}). Find out who signed it, terminate the instance and launch again", Reason.TokenConflict);
        if (signedByUs)
            await revocation.Run(name, new RevocationCause(BlockKind.Contested, RevocationReason.KeyCompromise, sentence), By, cancel);
        return true;
    }

    // A quarantine can be lifted, a revocation can not.
    private async Task<RevocationCause?> Bar(CertName name, CancellationToken cancel)
    {
        var status = await context.Status(name, cancel);
        if (status.Final is { } block)
            return new RevocationCause(block.Kind, RevocationReason.KeyCompromise, block.Sentence);
        return status.Ending
            ? new RevocationCause(BlockKind.Terminated, RevocationReason.CessationOfOperation, "the instance is being terminated")
            : null;
    }
}
