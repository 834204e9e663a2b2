using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.V1;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>All that is known of a name.</summary>
internal sealed record NameTrace(
    CertName Name, bool Registered, LaunchRecord? Launch, bool Ending, IReadOnlyList<ExplainedClaim> Claims, IReadOnlyList<Block> Blocks, HeldRequest? Held, bool Denied,
    IReadOnlyList<AuditRecord> Records);

/// <summary>Why a certificate exists, or what a request for one would meet now, in words. Pure.</summary>
internal static class ExplainSummary
{
    public static string OfSerial(string serial, NameTrace trace, DateTimeOffset now) =>
        trace.Claims.Count > 0 ? $"{Of(trace.Claims[0], now)}." : $"{serial} of {trace.Name}: its claim is gone; run overture audit verify.";

    public static string OfName(NameTrace trace, DateTimeOffset now) => $"{Standing(trace, now)}. {Asked(trace.Records)}.";

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
        if (trace.Ending)
            return "a request would be refused: the instance is being terminated, or is gone";
        if (trace.Blocks.FirstOrDefault(b => b.Kind != BlockKind.Revoked || trace.Registered) is { } block)
            return $"a request would be refused: the name is blocked: {block.Sentence} (by {block.By}, {Time(block.At)})";
        if (trace.Claims.Any(c => c.Certificate is null && c.Revocation is null))
            return "the same key gets its certificate as soon as it asks, another key is refused";
        if (trace.Held is { } held)
            return $"a request waits for a person since {Time(held.ReceivedAt)}: overture certificate requests";
        if (!trace.Registered)
        {
            return trace.Name.IsUuid
                ? "a request would be refused: nobody launched or registered this name"
                : trace.Denied ? "a request of the key that a person denied would be refused, one of another key would wait for a person"
                : "a request would wait for a person: nobody launched or registered this name";
        }
        if (trace.Claims.Count > 0)
            return "a request would be refused: the token is spent; launch again";
        var (from, until) = (trace.Launch!.NotBefore?.ToDateTimeOffset() ?? DateTimeOffset.MinValue, trace.Launch.Deadline?.ToDateTimeOffset() ?? DateTimeOffset.MinValue);
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
            return $"puppetserver's own CA was told to sign at {Time(claim.ClaimedAt)}{why}";
        if (explained.Revocation is { } revoked)
        {
            return explained.Certificate is null
                ? $"certificate {claim.Serial} was claimed at {Time(claim.ClaimedAt)} and never released: {revoked.Sentence}"
                : $"certificate {claim.Serial} was revoked at {Time(revoked.At)} by {revoked.By}: {revoked.Sentence}; it had been signed at {Time(explained.Certificate.SignedAt)}{why}";
        }
        if (explained.Certificate is null)
            return $"certificate {claim.Serial} was claimed at {Time(claim.ClaimedAt)} and is not signed yet{why}";
        return claim.NotAfter?.ToDateTimeOffset() <= now
            ? $"certificate {claim.Serial} expired at {Time(claim.NotAfter)}; it had been signed at {Time(explained.Certificate.SignedAt)}{why}"
            : $"certificate {claim.Serial} stands, signed at {Time(explained.Certificate.SignedAt)}{why}";
    }

    private static bool Stands(ExplainedClaim claim, DateTimeOffset now) =>
        claim.Certificate is not null && claim.Revocation is null && claim.Claim.NotAfter?.ToDateTimeOffset() > now;

    private static string Asked(IReadOnlyList<AuditRecord> records)
    {
        var refused = records.Where(r => r.Action == "csr.refused").ToList();
        if (refused.Count == 0)
            return records.Any(r => r.Action.StartsWith("csr.", StringComparison.Ordinal) || r.Action.StartsWith("cert.", StringComparison.Ordinal)) ? "No request was refused" : "No request ever came";
        var last = refused[^1];
        var count = refused.Count == 1 ? "1 request was" : $"{refused.Count} requests were";
        return $"{count} refused, the last at {Time(last.At)}: {last.Decision?.Sentence} ({last.Decision?.Reason})";
    }

    private static string Time(Timestamp? at) => at?.ToDateTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "?";
}
