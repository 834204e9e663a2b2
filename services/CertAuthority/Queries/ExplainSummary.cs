using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Queries;

/// <summary>All that is known of a name.</summary>
internal sealed record NameTrace(
    CertName Name, bool Registered, LaunchRecord? Launch, NameStatus Status, IReadOnlyList<ExplainedClaim> Claims,
    HeldRequest? Held, bool Denied, IReadOnlyList<AuditRecord> Records);

/// <summary>Why a certificate exists, or what a request for one would meet now, as text. Pure.</summary>
internal static class ExplainSummary
{
    public static string OfSerial(string serial, NameTrace trace, DateTimeOffset now) =>
        trace.Claims.Count > 0
            ? $"{Of(trace.Claims[0], now)}."
            : $"{serial} of {trace.Name}: its claim is gone; run overture audit verify.";

    /// <summary>A certificate of this CA without a claim.</summary>
    public static string OfUnclaimed(CertificateRecord certificate, Records.V1.Revocation? revocation, DateTimeOffset now)
    {
        var imported = certificate.Claim == RecordedCertificates.Imported;
        var origin = imported ? "signed by this CA before it was moved in, under a name that is no certname here, so it is not renewed"
            : $"signed by this CA, without a record of why; first used at {Time(certificate.SignedAt)}";
        if (revocation is not null)
        {
            return $"certificate {certificate.Serial} of '{certificate.Certname}' was revoked at {Time(revocation.At)} by "
                + $"{revocation.By}: {revocation.Sentence}; it was {origin}.";
        }
        var state = certificate.NotAfter?.ToDateTimeOffset() <= now
            ? $"expired at {Time(certificate.NotAfter)}"
            : $"is good until {Time(certificate.NotAfter)}";
        return $"certificate {certificate.Serial} of '{certificate.Certname}' {state}: {origin}. To revoke it: overture certificate "
            + $"revoke --serial {certificate.Serial} --reason TEXT.";
    }

    /// <summary>A serial of which there is a revocation or an audit record, and nothing else.</summary>
    public static string OfUnknown(string serial, Records.V1.Revocation? revocation) => revocation is null
        ? $"certificate {serial} has no record; the audit log has what is known of it."
        : $"certificate {serial} was revoked at {Time(revocation.At)} by {revocation.By}: {revocation.Sentence}; the certificate itself "
            + "has no record.";

    public static string OfName(NameTrace trace, DateTimeOffset now) => $"{Standing(trace, now)}. {Asked(trace.Records)}.";

    /// <summary>What was refused by an address or under what is no name, and why the last time.</summary>
    public static string OfRefused(string what, IReadOnlyList<AuditRecord> records) => $"{what}: {Asked(records)}.";

    private static string Standing(NameTrace trace, DateTimeOffset now)
    {
        if (trace.Claims.LastOrDefault(c => Stands(c, now)) is { } standing)
            return Of(standing, now);
        var past = trace.Claims.Count > 0 ? Of(trace.Claims[^1], now) + "; " : "";
        return past + Next(trace, now);
    }

    // What a request would meet, in the order in which the policy says it.
    private static string Next(NameTrace trace, DateTimeOffset now)
    {
        if (trace.Registered && trace.Launch is null)
            return "a request would be refused: the launch record is not signed by a trusted launch key";
        if (trace.Status.Ending)
            return "a request would be refused: the instance is being terminated, or is gone";
        if (trace.Status.BlockOf(trace.Registered ? GrantKind.Launch : GrantKind.Approval) is { } block)
            return $"a request would be refused: the name is blocked: {block.Sentence} (by {block.By}, {Time(block.At)})";
        if (trace.Claims.Any(c => c.Certificate is null && c.Revocation is null && !IsImport(c)))
            return "the same key gets its certificate as soon as it asks, another key is refused";
        if (trace.Held is { } held)
            return $"a request waits for a person since {Time(held.ReceivedAt)}: overture certificate requests";
        if (!trace.Registered)
        {
            return trace.Name.IsUuid
                ? "a request would be refused: this name was never launched or registered"
                : trace.Denied ? "a request of the key that a person denied would be refused, one of another key would wait for a person"
                : "a request would wait for a person: this name was never launched or registered";
        }
        if (trace.Claims.Count > 0)
            return "a request would be refused: the token is spent; launch again";
        var (from, until) = (trace.Launch!.NotBefore?.ToDateTimeOffset() ?? DateTimeOffset.MinValue,
            trace.Launch.Deadline?.ToDateTimeOffset() ?? DateTimeOffset.MinValue);
        if (now >= until)
            return $"a request would be refused: the token's deadline passed at {Time(trace.Launch.Deadline)}";
        return now < from
            ? $"a request would be refused: the launch record is good from {Time(trace.Launch.NotBefore)} only"
            : $"a request that brings what the launch demands would be signed until {Time(trace.Launch.Deadline)}";
    }

    private static string Of(ExplainedClaim explained, DateTimeOffset now)
    {
        var claim = explained.Claim;
        var why = claim.Decision?.Sentence is { Length: > 0 } sentence ? $": {sentence}" : "";
        if (claim.Issuer == "stock")
            return $"puppetserver's own CA was asked to sign at {Time(claim.ClaimedAt)}{why}";
        if (explained.Revocation is { } revoked)
        {
            return IsImport(explained) && explained.Certificate is null
                ? $"certificate {claim.Serial} was revoked at {Time(revoked.At)} by {revoked.By}: {revoked.Sentence}; {Moved(claim)}"
                : explained.Certificate is null
                ? $"certificate {claim.Serial} was claimed at {Time(claim.ClaimedAt)} and never released: {revoked.Sentence}"
                : $"certificate {claim.Serial} was revoked at {Time(revoked.At)} by {revoked.By}: {revoked.Sentence}; it had been "
                    + $"signed at {Time(explained.Certificate.SignedAt)}{why}";
        }
        // Of the inventory alone: its text is not here, and that it was signed is certain.
        if (explained.Certificate is null && IsImport(explained))
        {
            return $"certificate {claim.Serial} {(claim.NotAfter?.ToDateTimeOffset() <= now ? "expired at" : "is good until")} "
                + $"{Time(claim.NotAfter)}: {Moved(claim)}";
        }
        if (explained.Certificate is null)
            return $"certificate {claim.Serial} was claimed at {Time(claim.ClaimedAt)} and is not signed yet{why}";
        return claim.NotAfter?.ToDateTimeOffset() <= now
            ? $"certificate {claim.Serial} expired at {Time(claim.NotAfter)}; it had been signed at "
                + $"{Time(explained.Certificate.SignedAt)}{why}"
            : $"certificate {claim.Serial} is valid, signed at {Time(explained.Certificate.SignedAt)}{why}";
    }

    private static bool IsImport(ExplainedClaim claim) => claim.Claim.Issuer == Issuers.Import;

    private static string Moved(Claim claim) =>
        $"signed by this CA at {Time(claim.ClaimedAt)}, before it was moved in; it is known by the imported inventory alone";

    private static bool Stands(ExplainedClaim claim, DateTimeOffset now) =>
        (claim.Certificate is not null || IsImport(claim)) && claim.Revocation is null && claim.Claim.NotAfter?.ToDateTimeOffset() > now;

    private static string Asked(IReadOnlyList<AuditRecord> records)
    {
        var refused = records.Where(AuditAction.RequestRefused.Is).ToList();
        if (refused.Count == 0)
        {
            return records.Any(r => r.Action.StartsWith("csr.", StringComparison.Ordinal)
                || r.Action.StartsWith("cert.", StringComparison.Ordinal)) ? "No request was refused" : "No request ever came";
        }
        var last = refused[^1];
        var (single, together) = (refused.Count(r => r.Count == 0), refused.Sum(r => r.Count));
        var count = single == 1 ? "1 request was" : $"{single} requests were";
        // Those that were counted need not all be of this name or address.
        var more = together > 0 ? $" (beside {together} that were counted together with others)" : "";
        return $"{count} refused{more}, the last at {Time(last.At)}: {last.Decision?.Sentence} ({last.Decision?.Reason})";
    }

    private static string Time(Timestamp? at) => at?.ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "?";
}
