using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Policy;

/// <summary>One check with what to say if it fails.</summary>
internal sealed record AuthorizationCheck(Check Check, Reason Reason, string Sentence);

/// <summary>The checks that make a request the one of the very instance that was launched, in the order their reasons are given.</summary>
internal static class Authorization
{
    // Instances come up with clocks that are off, and so may the Conductor's host be.
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    public static IEnumerable<AuthorizationCheck> Of(EnrollmentContext e)
    {
        yield return Make("registered", "a launch record", e.Registered ? "found" : "none", e.Registered,
            Reason.NodeUnknown, "this name was never launched or registered; check the agent's certname, or register it");
        if (!e.Registered)
            yield break;
        yield return Make("launch-signature", "by a trusted launch key, for this name", e.Launch is null ? "does not verify" : "verifies",
            e.Launch is not null,
            Reason.LaunchSignature, "the launch record is not signed by a trusted launch key; compare launchKeys with the Conductor's key");
        if (e.Launch is not { } launch)
            yield break;

        foreach (var proof in Proof(e, launch))
            yield return proof;

        yield return Make("state", "neither terminating nor terminated", e.Status.Ending ? "ending" : "none of them",
            !e.Status.Ending,
            Reason.NameBlocked, "the instance is being terminated, or is gone");
        var block = e.Status.BlockOf(GrantKind.Launch);
        yield return Make("blocks", "none", block is null ? "none" : $"{block.Kind}".ToLowerInvariant(), block is null,
            Reason.NameBlocked, $"the name is blocked ({block?.Sentence}); launch again");
        yield return Make("claim-seal", "written by this CA",
            e.Claim is null ? "none" : e.ForeignClaim ? "by another writer" : "by this CA", !e.ForeignClaim,
            Reason.ClaimVoid, "the claim of this name was not written by this CA: another party writes to its store; launch again");
        // Before the times: a genuine agent that comes too late still reveals the thief that came in time.
        yield return Claim(e, launch);
        var from = launch.NotBefore?.ToDateTimeOffset() ?? DateTimeOffset.MinValue;
        yield return Make("not-before", $"{from:O}", $"{e.Now:O}", e.Now >= from - Skew,
            Reason.NotYetValid, "the launch record begins in the future; compare the clocks of the Conductor and of this host");
        // A key that claimed in time may come back for its certificate at any time.
        var deadline = launch.Deadline?.ToDateTimeOffset() ?? DateTimeOffset.MinValue;
        yield return Make("deadline", e.SameKey ? "claimed in time" : $"before {deadline:O}", e.SameKey ? "same key" : $"{e.Now:O}",
            e.SameKey || e.Now < deadline,
            Reason.TokenExpired, "the launch's deadline has passed; terminate the instance and launch again");
        var ungrantable = launch.Extensions.Keys.FirstOrDefault(k => PuppetExtensions.OidOf(k) is null);
        yield return Make("grant", "extensions of the registered and the private arc", ungrantable ?? "only those", ungrantable is null,
            Reason.InvalidField, $"the registration grants {ungrantable}, which no certificate may carry; launch again without it");
        // Last, so that only a request that is right in everything else costs the provider a question; never again for a key that has
        // claimed.
        if (!e.SameKey)
        {
            foreach (var seen in InstanceProof.Of(e, launch))
                yield return seen;
        }
    }

    /// <summary>The request proved that it comes from a holder of this launch's user data (or the launch asks for no proof).</summary>
    public static bool Proved(EnrollmentContext e) => e.Launch is { } launch && Proof(e, launch).All(p => p.Check.Passed);

    private static IEnumerable<AuthorizationCheck> Proof(EnrollmentContext e, LaunchRecord launch)
    {
        yield return Make("attestation", "one of registry, token, source, provider", $"{launch.Attestation}".ToLowerInvariant(),
            Enum.IsDefined(launch.Attestation),
            Reason.SourceMismatch, "the launch demands a proof that this CertAuthority does not know; is it older than the Conductor?");
        if (launch.Attestation == Attestation.Registry)
            yield break;
        var brought = e.Request.ChallengeSha256 is not null;
        yield return Make("token-present", "a challengePassword", brought ? "present" : "absent", brought,
            Reason.TokenMissing, "the request brought no token; the agent needs the csr_attributes.yaml of its user data");
        if (!brought)
            yield break;
        var matches = EnrollmentToken.Matches(e.Request.ChallengeSha256!, launch.TokenSha256);
        yield return Make("token", $"hash {Prefix(launch.TokenSha256)}…", matches ? "matches" : "another", matches,
            Reason.TokenMismatch, "the request brought a wrong token: user data of another launch, or a guess");
    }

    private static AuthorizationCheck Claim(EnrollmentContext e, LaunchRecord launch)
    {
        if (e.ClaimLost)
        {
            return Make("claim", "none, or by this key", "written once, and gone from the store", false,
                Reason.TokenSpent,
                "the token was spent before, and the claim that says so is gone from the store: it was deleted, or an older backup was "
                    + "restored. Launch again");
        }
        var free = e.Claim is null || e.SameKey;
        // Without proof by token, anyone who knows the name could bring a second key: no reason to punish the first. Nor is a name's owner
        // by approval, or from before the import, a thief.
        var contest = !e.Converged && launch.Attestation != Attestation.Registry
            && e.Claim?.Grant.Kind() is null or GrantKind.None or GrantKind.Launch;
        return Make("claim", "none, or by this key",
            e.Claim is null ? "none" : e.SameKey ? "by this key" : $"by key {Prefix(e.Claim.SpkiSha256)}…", free,
            contest ? Reason.TokenConflict : Reason.TokenSpent,
            contest
                ? "two keys came with the right token: one of them is a thief's. The certificate is revoked; find out who read the user "
                    + "data, then launch again"
                : "a second key came with the token after it was spent; the certificate stays valid. Find out who read the user data");
    }

    private static string Prefix(string hash) => hash.Length > 8 ? hash[..8] : hash;

    internal static AuthorizationCheck Make(string name, string expected, string observed, bool passed, Reason reason, string sentence) =>
        new(new Check { Name = name, Expected = expected, Observed = observed, Passed = passed }, reason, sentence);
}
