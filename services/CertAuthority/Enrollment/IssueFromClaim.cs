using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>From a claim to its certificate. Any replica may run it at any time, as often as it likes: the outcome is the same.</summary>
internal sealed class IssueFromClaim(
    ClaimStore claims, RevocationStore revocations, CrlPublisher crls, EnrollmentContextReader context, CaSigner signer,
    AuditLog audit, Timeline timeline, Ids ids, TimeProvider clock, ILogger<IssueFromClaim> log)
{
    private readonly ConcurrentDictionary<string, bool> released = new(StringComparer.Ordinal);
    // Serials whose claim and certificate this process knows to be on the disk.
    private readonly BoundedCache<string, bool> settled = new(10_000);

    /// <summary>Whether this process has released the claim since it was last asked: then no other needs to look at it again.</summary>
    public bool Released(string claimKey) => released.TryRemove(claimKey, out _);

    /// <summary>
    /// Finishes the claim, for a caller that hands out its certificate: claim and certificate are durable when it returns.
    /// </summary>
    /// <returns>The certificate as the store holds it; null: it must not be released, and its serial is revoked.</returns>
    public async Task<CertificateRecord?> Run(Claim claim, string? traceparent, Caller by, CancellationToken cancel)
    {
        if (await Finish(claim, traceparent, by, cancel) is not { } certificate)
            return null;
        if (settled.TryGet(claim.Serial, out _))
            return certificate;
        if (!await claims.Settle(claim, cancel))
            return await Void(claim, "its key belongs to another name", by, cancel);
        settled.Add(claim.Serial, true);
        return certificate;
    }

    /// <summary>The same where this process has just stored the certificate with its claim; null: it has not.</summary>
    public Task<CertificateRecord?> Run(Claim claim, CertificateRecord? stored, string? traceparent, Caller by, CancellationToken cancel)
    {
        if (stored is null)
            return Run(claim, traceparent, by, cancel);
        settled.Add(claim.Serial, true);
        return ReleaseFirst(claim, stored, by, cancel);
    }

    /// <summary>The same for a caller that hands out nothing: a sweep, which looks at every claim and must not wait for the disk.</summary>
    /// <inheritdoc cref="Run(Claim, string, Caller, CancellationToken)" path="/returns"/>
    public async Task<CertificateRecord?> Finish(Claim claim, string? traceparent, Caller by, CancellationToken cancel)
    {
        var name = CertName.Parse(claim.Certname);
        // 1. Signed before? What has expired since is simply over: nothing to release, nothing to revoke.
        var certificate = await claims.Certificate(claim.Serial, cancel);
        if (certificate is not null && Expired(claim))
            return null;
        // Known by an imported inventory alone: revocable, and nothing to release.
        if (certificate is null && claim.Tbs.IsEmpty)
            return null;
        // Put there by another writer, to have its content signed.
        if (certificate is null && !claims.IsOurs(claim))
        {
            Log.ForeignClaim(log, claim.Certname, claim.Claim_);
            return null;
        }
        if (certificate is not null)
            return await Release(name, claim, certificate, by, cancel);
        // 2. May it still be signed?
        if (await Bar(name, claim, cancel) is { } bar)
            return await Void(claim, bar, by, cancel);
        // 3. Sign what the claim says, look at the product, store it.
        using (Begin(claim, traceparent))
        {
            var signed = Sign(claim);
            certificate = await claims.Put(signed, cancel);
            if (certificate.WriteId != signed.WriteId)
                return await Release(name, claim, certificate, by, cancel);
        }
        return await ReleaseFirst(claim, certificate, by, cancel);
    }

    /// <summary>The span of a certificate's making: to be signed, and stored.</summary>
    public static Activity? Begin(Claim claim, string? traceparent)
    {
        var span = FlowTelemetry.Step(FlowTelemetry.Sign, traceparent, claim.Certname);
        span?.SetTag(FlowTelemetry.SerialTag, claim.Serial);
        return span;
    }

    /// <summary>A claim's certificate, signed and looked at, in memory alone: not to be handed out until the store holds both.</summary>
    public CertificateRecord Sign(Claim claim)
    {
        var der = SignedDer.Seal(claim.Tbs.Span, signer);
        SignedDer.Check(der, claim, signer);
        return new CertificateRecord
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Serial = claim.Serial,
            Certname = claim.Certname,
            Claim = claim.Claim_,
            Pem = PemEncoding.WriteString("CERTIFICATE", der) + "\n",
            SignedAt = clock.GetUtcNow().ToTimestamp(),
            NotAfter = claim.NotAfter,
            SpkiSha256 = claim.SpkiSha256,
        };
    }

    // The process that stored it reports it; where that one died before, the audit sweep does.
    private async Task<CertificateRecord?> ReleaseFirst(Claim claim, CertificateRecord stored, Caller by, CancellationToken cancel)
    {
        var name = CertName.Parse(claim.Certname);
        await audit.Write(AuditAction.Released, claim.Certname, by, claim.Serial, claim.SpkiSha256, claim.Decision, cancel);
        if (claim.Grant.Kind() == GrantKind.Launch
            || (claim.Grant.Kind() == GrantKind.Approval && (await context.Launch(name, cancel)).Registered))
        {
            timeline.Add(AuditLog.Service, name, InstanceEvents.Signed,
                $"certificate {claim.Serial} signed: {claim.Decision.Sentence}; the agent collects it by itself",
                proof: ObjectKeys.Certificate(claim.Serial));
        }
        if (await Release(name, claim, stored, by, cancel) is null)
            return null;
        released.TryAdd(ObjectKeys.Claim(name, claim.Claim_), true);
        return stored;
    }

    // 4. The blocks once more: revocation blocks first and lists claims after, so at least one of the two sees the other.
    private async Task<CertificateRecord?> Release(
        CertName name, Claim claim, CertificateRecord certificate, Caller by, CancellationToken cancel) =>
        await Bar(name, claim, cancel) is { } late ? await Void(claim, late, by, cancel) : certificate;

    // Why the certificate must not be released, or null.
    private async Task<string?> Bar(CertName name, Claim claim, CancellationToken cancel)
    {
        if (Expired(claim))
            return "it has expired";
        if ((await context.Status(name, cancel)).Bar(claim) is { } bar)
            return bar;
        if (await revocations.Contains(SerialNumber.Recorded(claim.Serial), cancel))
            return "it is revoked";
        // Revocation of one serial asks after it for what was renewed from it, which was claimed before this is read.
        return ClaimStore.Renewed(claim.Claim_) is { } predecessor && await revocations.Contains(predecessor, cancel)
            ? "what it was renewed from is revoked"
            : null;
    }

    private bool Expired(Claim claim) => claim.NotAfter.ToDateTimeOffset() <= clock.GetUtcNow();

    private async Task<CertificateRecord?> Void(Claim claim, string why, Caller by, CancellationToken cancel)
    {
        if (await revocations.Put(claim, RevocationReason.CessationOfOperation, $"never released: {why}", by.Actor, cancel) is { } fact)
        {
            var decision = DecisionOutcome.Refuse.Because(Reason.ClaimVoid, why);
            await audit.Write(AuditAction.ClaimVoided.Record(claim.Certname, by, claim.Serial, claim.SpkiSha256, decision)
                .Wrote(ObjectKeys.Revocation(claim.Serial), fact), cancel);
            crls.Request();
        }
        return null;
    }
}
