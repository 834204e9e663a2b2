using Google.Protobuf;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>The act behind ExplainCertificate: everything that is known of a name, or of one certificate.</summary>
internal sealed class ExplainCertificate(ObjectStore store, ClaimStore claims, BlockStore blocks, HeldRequests held, EvidenceReader evidence, AuditLog audit, AuditSearch search, TimeProvider clock)
{
    private const int MostRecords = 1000;

    /// <exception cref="FaultException">NOT_FOUND: nothing was ever heard of it.</exception>
    public async Task<ExplainCertificateResponse> OfName(CertName name, CancellationToken cancel)
    {
        // 1. The log, with what waits here in it.
        await audit.Flushed(cancel);
        var records = await search.Run(name.ToString(), r => r.Certname == name.ToString(), cancel);
        // 2. The store.
        var trace = await Trace(name, await claims.Of(name, cancel), records, cancel);
        if (trace.Claims.Count == 0 && !trace.Registered && trace.Blocks.Count == 0 && trace.Held is null && records.Count == 0)
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"nothing was ever heard of {name}: not launched, not registered, never asked for");
        // 3. The sentence.
        return Answer(trace, ExplainSummary.OfName(trace, clock.GetUtcNow()));
    }

    /// <inheritdoc cref="OfName"/>
    public async Task<ExplainCertificateResponse> OfSerial(string serial, CancellationToken cancel)
    {
        await audit.Flushed(cancel);
        var records = await search.Run(serial, r => r.Serial == serial, cancel);
        var certname = (await claims.Certificate(serial, cancel))?.Certname
            ?? (await store.Get<RevocationRecord>(ObjectKeys.Revocation(serial), cancel))?.Certname ?? records.FirstOrDefault(r => r.Certname.Length > 0)?.Certname;
        if (certname is null || !CertName.TryParse(certname, out var name, out _))
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate {serial} was ever claimed, released or revoked here");
        var own = (await claims.Of(name, cancel)).Where(c => c.Serial == serial).ToList();
        var trace = await Trace(name, own, records, cancel);
        return Answer(trace, ExplainSummary.OfSerial(serial, trace, clock.GetUtcNow()));
    }

    private async Task<NameTrace> Trace(CertName name, IReadOnlyList<Claim> standing, IReadOnlyList<AuditRecord> records, CancellationToken cancel)
    {
        var (registered, launch) = await evidence.Launch(name, cancel);
        var explained = new List<ExplainedClaim>();
        foreach (var claim in standing.OrderBy(c => c.ClaimedAt?.ToDateTimeOffset() ?? default))
            explained.Add(await Explained(name, claim, cancel));
        return new NameTrace(name, registered, launch, registered && await evidence.Ending(name, cancel), explained, await blocks.Of(name, cancel), await held.Find(name, cancel), await store.Any(ObjectKeys.DenialsOf(name), cancel), records);
    }

    private async Task<ExplainedClaim> Explained(CertName name, Claim claim, CancellationToken cancel)
    {
        var shown = claim.Clone();
        shown.Tbs = ByteString.Empty;
        var explained = new ExplainedClaim { Claim = shown };
        if (claim.Serial.Length > 0)
        {
            explained.Certificate = await claims.Certificate(claim.Serial, cancel);
            explained.Revocation = await store.Get<RevocationRecord>(ObjectKeys.Revocation(claim.Serial), cancel);
        }
        if (claim.Grant?.Source == "launch")
            explained.LaunchKid = (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel))?.Kid ?? "";
        return explained;
    }

    private static ExplainCertificateResponse Answer(NameTrace trace, string summary)
    {
        var answer = new ExplainCertificateResponse
        {
            Certname = trace.Name.ToString(),
            Claims = { trace.Claims },
            Blocks = { trace.Blocks },
            Audit = { trace.Records.TakeLast(MostRecords) },
            Summary = summary,
        };
        if (trace.Held is not null)
            answer.Held = HeldRequests.Shown(trace.Held);
        return answer;
    }
}
