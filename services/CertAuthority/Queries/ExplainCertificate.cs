using Google.Protobuf;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>The act behind ExplainCertificate: everything that is known of a name, or of one certificate.</summary>
internal sealed class ExplainCertificate(ObjectStore store, ClaimStore claims, UnclaimedCertificates unclaimed,
    HeldRequests held, EnrollmentContextReader context, AuditLog audit, AuditSearch search, TimeProvider clock)
{
    private const int MaxRecords = 1000;

    /// <exception cref="FaultException">NOT_FOUND: nothing was ever heard of it.</exception>
    public async Task<ExplainCertificateResponse> OfName(CertName name, CancellationToken cancel)
    {
        // 1. The log, with what waits here in it.
        await audit.Flushed(cancel);
        var records = await search.Run(name.ToString(), r => r.Certname == name.ToString() || r.Names.Contains(name.ToString()), cancel);
        // 2. The store.
        var trace = await Trace(name, await claims.Of(name, cancel), records, cancel);
        var seen = await Unclaimed(await unclaimed.Of(name.ToString(), cancel), cancel);
        if (trace.Claims.Count == 0 && !trace.Registered && trace.Status.Blocks.Count == 0 && trace.Held is null && records.Count == 0
            && seen.Length == 0)
        {
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"{name} is unknown: never launched, registered or requested");
        }
        // 3. The sentence.
        return Answer(trace, ExplainSummary.OfName(trace, clock.GetUtcNow()) + (seen.Length > 0 ? $" {seen}" : ""));
    }

    /// <summary>A name that no certname may be.</summary>
    /// <exception cref="FaultException">INVALID_FIELD: no certificate of it was moved in or seen, and no request for it was
    /// refused.</exception>
    public async Task<ExplainCertificateResponse> OfCommonName(string commonName, string rule, CancellationToken cancel)
    {
        await audit.Flushed(cancel);
        var found = await unclaimed.Of(commonName, cancel);
        if (found.Count == 0)
            return await OfAskedName(commonName, rule, cancel);
        var serials = found.Select(c => c.Serial).ToHashSet(StringComparer.Ordinal);
        var records = new List<AuditRecord>();
        foreach (var serial in serials)
            records.AddRange(await search.Run(serial, r => r.Serial == serial, cancel));
        return new ExplainCertificateResponse { Certname = commonName, Audit = { records.TakeLast(MaxRecords) },
            Summary = await Unclaimed(found, cancel) };
    }

    /// <inheritdoc cref="OfName"/>
    public async Task<ExplainCertificateResponse> OfSerial(IReadOnlyList<SerialNumber> readings, CancellationToken cancel)
    {
        await audit.Flushed(cancel);
        foreach (var serial in readings)
        {
            if (await Of(serial, cancel) is { } answer)
                return answer;
        }
        throw new FaultException(FaultKind.NotFound, Reason.NotFound,
            $"no certificate {string.Join(" or ", readings)} was ever claimed, released or revoked here");
    }

    private async Task<ExplainCertificateResponse?> Of(SerialNumber number, CancellationToken cancel)
    {
        var serial = $"{number}";
        var records = await search.Run(serial, r => r.Serial == serial, cancel);
        var revocation = await store.Get<RevocationRecord>(ObjectKeys.Revocation(serial), cancel);
        var released = await claims.Certificate(serial, cancel);
        if (released is null && await unclaimed.Find(serial, cancel) is { } other)
        {
            return new ExplainCertificateResponse { Certname = other.Certname, Audit = { records.TakeLast(MaxRecords) },
                Summary = await Unclaimed([other], cancel) };
        }
        var certname = released?.Certname ?? (revocation is { Certname.Length: > 0 }
            ? revocation.Certname
            : records.FirstOrDefault(r => r.Certname.Length > 0)?.Certname ?? (await claims.FindImported(number, cancel))?.Certname);
        if (certname is null || !CertName.TryParse(certname, out var name, out _))
        {
            return revocation is null && records.Count == 0
                ? null
                : new ExplainCertificateResponse { Audit = { records.TakeLast(MaxRecords) },
                    Summary = ExplainSummary.OfUnknown(serial, revocation) };
        }
        var own = (await claims.Of(name, cancel)).Where(c => c.Serial == serial).ToList();
        if (own.Count == 0 && released is null)
        {
            return new ExplainCertificateResponse { Certname = certname, Audit = { records.TakeLast(MaxRecords) },
                Summary = ExplainSummary.OfUnknown(serial, revocation) };
        }
        var trace = await Trace(name, own, records, cancel);
        return Answer(trace, ExplainSummary.OfSerial(serial, trace, clock.GetUtcNow()));
    }

    /// <summary>Requests for what is no certname.</summary>
    /// <param name="asked">As it was sent, or as records spell it.</param>
    /// <param name="rule">The rule of certnames that it breaks.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="FaultException">INVALID_FIELD: none came.</exception>
    private async Task<ExplainCertificateResponse> OfAskedName(string asked, string rule, CancellationToken cancel)
    {
        await audit.Flushed(cancel);
        foreach (var spelled in new[] { AskedName.Escaped(asked), asked }.Distinct(StringComparer.Ordinal))
        {
            if (await search.Run(spelled, r => r.AskedName == spelled || r.Names.Contains(spelled), cancel) is { Count: > 0 } records)
                return Answer(records, ExplainSummary.OfRefused($"{spelled} is no certname: it {rule}", records));
        }
        throw FaultException.Invalid("certname", $"{rule}; and no request for such a name was refused");
    }

    /// <summary>Every record of a request that came from there.</summary>
    /// <exception cref="FaultException">NOT_FOUND: none.</exception>
    public async Task<ExplainCertificateResponse> OfAddress(System.Net.IPAddress address, CancellationToken cancel)
    {
        await audit.Flushed(cancel);
        var (text, source) = (Caller.PeerOf(address), AddressText.Of(address));
        // Of an IPv6 address only the first group is spelled the same in all its spellings.
        var records = await search.Run(
            source.Contains(':', StringComparison.Ordinal) ? source[..source.IndexOf(':', StringComparison.Ordinal)] : source, r =>
                Caller.SamePeer(r.Peer, address) || r.Sources.Any(s => s.Address == source || Caller.SamePeer(s.Address, address)), cancel);
        if (records.Count == 0)
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no decision about a request from {text} was recorded");
        return Answer(records, ExplainSummary.OfRefused($"requests from {text}", records));
    }

    private static ExplainCertificateResponse Answer(IReadOnlyList<AuditRecord> records, string summary) =>
        new() { Audit = { records.TakeLast(MaxRecords) }, Summary = summary };

    private async Task<string> Unclaimed(IReadOnlyList<CertificateRecord> found, CancellationToken cancel)
    {
        var sentences = new List<string>();
        foreach (var certificate in found)
        {
            sentences.Add(ExplainSummary.OfUnclaimed(
                certificate, await store.Get<RevocationRecord>(ObjectKeys.Revocation(certificate.Serial), cancel), clock.GetUtcNow()));
        }
        return string.Join(' ', sentences);
    }

    private async Task<NameTrace> Trace(
        CertName name, IReadOnlyList<Claim> standing, IReadOnlyList<AuditRecord> records, CancellationToken cancel)
    {
        var (registered, launch) = await context.Launch(name, cancel);
        var explained = new List<ExplainedClaim>();
        foreach (var claim in standing.OrderBy(c => c.ClaimedAt?.ToDateTimeOffset() ?? default))
            explained.Add(await Explained(name, claim, cancel));
        // As the policy judges: the end of an instance bars a name that was launched or registered.
        var status = await context.Status(name, cancel);
        return new NameTrace(name, registered, launch, status with { Ending = registered && status.Ending }, explained,
            await held.Find(name, cancel), await store.Any(ObjectKeys.DenialsOf(name), cancel), records);
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
        if (claim.Grant.Kind() == GrantKind.Launch)
            explained.LaunchKid = (await store.Get<SignedLaunch>(ObjectKeys.Launch(name), cancel))?.Kid ?? "";
        return explained;
    }

    private static ExplainCertificateResponse Answer(NameTrace trace, string summary)
    {
        var answer = new ExplainCertificateResponse
        {
            Certname = trace.Name.ToString(),
            Claims = { trace.Claims },
            Blocks = { trace.Status.Blocks },
            Audit = { trace.Records.TakeLast(MaxRecords) },
            Summary = summary,
        };
        if (trace.Held is not null)
            answer.Held = HeldRequests.Shown(trace.Held);
        return answer;
    }
}
