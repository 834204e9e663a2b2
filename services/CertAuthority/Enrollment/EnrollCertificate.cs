using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>A request as it came in by either face.</summary>
/// <param name="Name">As in the URL, percent-decoded, or as in the RPC; not parsed yet.</param>
/// <param name="Body">PEM.</param>
internal sealed record Submission(string Name, ReadOnlyMemory<byte> Body, Caller By);

/// <summary>What became of it: signed, or (without certificate) held. A refusal is a fault.</summary>
internal sealed record Submitted(Decision Decision, CertificateRecord? Certificate);

/// <summary>A request that was let in: it has a claim, or (without claim) it waits for a person.</summary>
/// <param name="Stored">The claim's certificate, where it was stored with the claim just now, and not handed out yet.</param>
internal sealed record Admission(
    CertName Name, EnrollmentContext EnrollmentContext, Verdict Verdict, Claim? Claim = null, CertificateRecord? Stored = null)
{
    public string? Traceparent => EnrollmentContext.Launch?.Traceparent;
}

/// <summary>
/// The act behind PUT certificate_request and SubmitCertificateRequest, and behind puppetserver's policy autosign: the same policy, the
/// same claim, but puppetserver signs. Everything before the claim is free of side effects that matter: a refused request never costs the
/// genuine one its token. The same steps are in docs/flows.md.
/// </summary>
internal sealed class EnrollCertificate(
    EnrollmentContextReader context, InstanceWitness witness, ReservedKeys reserved, ClaimStore claims, ClaimMaker maker,
    IssueFromClaim issue, HeldRequests held, HandleTokenConflict conflict, DecisionRecorder recorder, CertAuthorityOptions options)
{
    /// <exception cref="FaultException">Refused; recorded already.</exception>
    public async Task<Submitted> Run(Submission submission, CancellationToken cancel)
    {
        // 1. Size, PEM, DER, shape, name, key and signature, from the request alone.
        var (name, request) = await Read(submission, cancel);
        // 2. What the store says of the name, and the policy of that; 3. the claim, and with it 4. what was signed from it. Without a
        // claim a person decides.
        var admission = await Admit(name, request, submission, Issuers.Own, cancel);
        if (admission.Claim is null)
            return await Hold(admission, submission, cancel);
        // 4., where the claim was there before: sign its bytes, check the product, put the certificate; 5. look at the blocks once more.
        var certificate = await issue.Run(admission.Claim, admission.Stored, admission.Traceparent, submission.By, cancel)
            ?? throw await recorder.Refused(admission.EnrollmentContext, Voided(admission.Verdict), submission, FaultKind.Denied, cancel);
        // 6. Record it, and answer what the store holds.
        if (admission.Verdict.Reason == Reason.SameKey)
            await recorder.Repeated(admission, submission, cancel);
        await held.Forget(name, cancel);
        return new Submitted(admission.Verdict.ToDecision(), certificate);
    }

    /// <summary>The same for puppetserver's own CA, which signs if the decision is "sign". Any refusal is a decision.</summary>
    public async Task<Decision> Authorize(Submission submission, CancellationToken cancel)
    {
        try
        {
            // 1., 2., 3. Read, decide, claim.
            var (name, request) = await Read(submission, cancel);
            var admission = await Admit(name, request, submission, Issuers.Stock, cancel);
            // 4., 5. are puppetserver's. 6. Record it. What is not decided stays in puppetserver's own queue.
            await (admission.Claim is null
                ? recorder.Held(admission, submission, cancel) : recorder.Authorized(admission, submission, cancel));
            return admission.Verdict.ToDecision();
        }
        catch (FaultException refusal) when (refusal.Kind is FaultKind.Invalid or FaultKind.Denied or FaultKind.TooLarge)
        {
            return Decisions.Of(refusal);
        }
    }

    private async Task<(CertName, CsrFacts)> Read(Submission submission, CancellationToken cancel)
    {
        CsrFacts? request = null;
        try
        {
            var name = RequestNames.Asked(submission.Name);
            request = CsrReader.Read(CsrPem.Read(submission.Body.Span));
            RequestNames.Compare(name, request);
            return (name, request);
        }
        catch (FaultException refusal)
        {
            await recorder.Malformed(submission, request, refusal, cancel);
            throw;
        }
    }

    /// <summary>Steps 2 and 3 of a request that was read: the one that just came in, or one that is held and reviewed again.</summary>
    /// <exception cref="FaultException">Refused; recorded already.</exception>
    public async Task<Admission> Admit(CertName name, CsrFacts request, Submission submission, string issuer, CancellationToken cancel)
    {
        var asked = false;
        while (true)
        {
            // 2. What the store says, and the policy of that.
            var facts = await context.Read(name, request, issuer == Issuers.Own ? submission.By.Address : null, cancel);
            var verdict = Decide(facts);
            if (verdict.Outcome == Outcome.Hold)
                return new Admission(name, facts, verdict);
            if (verdict.Outcome == Outcome.Ask && !asked)
            {
                // The observation is too old: once more, with a new one.
                await witness.Ask(name, cancel);
                asked = true;
                continue;
            }
            if (verdict.Outcome != Outcome.Sign)
                throw await Refusal(facts, verdict, submission, cancel);
            // 3. The claim that is there, or a new one: it spends the token, fixes serial and bytes, all in one write.
            var (claim, stored) = facts.Claim is { } standing
                ? (standing, null) : await Claim(facts, verdict, submission, issuer, cancel);
            if (facts.Claim is not null && !Issuers.Serves(issuer, claim))
                throw await recorder.Refused(facts, SpentElsewhere(verdict), submission, FaultKind.Denied, cancel);
            // Another key was first, or another CA: look again, and decide on what is stored now.
            if (facts.Claim is null && (!request.Key.Hash.Is(claim.SpkiSha256) || claim.Issuer != issuer))
                continue;
            var admission = new Admission(name, facts, verdict, claim, stored);
            recorder.Received(admission);
            return admission;
        }
    }

    private Verdict Decide(EnrollmentContext facts)
    {
        using var span = FlowTelemetry.Step(FlowTelemetry.DecideRequest, facts.Launch?.Traceparent, facts.Name.ToString());
        var verdict = RequestPolicy.Decide(facts, options.Lives);
        span?.SetTag(FlowTelemetry.ReasonTag, verdict.Reason.Code());
        return verdict;
    }

    // The name is no administrator's (a UUID never is); one name a key. Signed before the claim is in force, so that key, claim and
    // certificate wait for the disk together; nothing of it leaves this process before they are there.
    private async Task<(Claim, CertificateRecord?)> Claim(
        EnrollmentContext facts, Verdict verdict, Submission submission, string issuer, CancellationToken cancel)
    {
        var (name, key) = (facts.Name, facts.Request.Key.Hash);
        if (!name.IsUuid && await claims.HasAdmin(name, cancel))
            throw await Refusal(facts, TakenByAdmin(verdict), submission, cancel);
        // Asked before a signature is spent on it.
        if (await reserved.Holds(key, cancel) || (await claims.OwnerOf($"{key}", cancel) is { } owner && owner.Certname != $"{name}"))
            throw await Refusal(facts, Reused(verdict), submission, cancel);
        var mine = maker.Make(facts, verdict, issuer);
        using var span = issuer == Issuers.Own ? IssueFromClaim.Begin(mine, facts.Launch?.Traceparent) : null;
        var signed = issuer == Issuers.Own ? issue.Sign(mine) : null;
        return await claims.Put(key, mine, signed, cancel)
            ?? throw await Refusal(facts, Reused(verdict), submission, cancel);
    }

    private async Task<FaultException> Refusal(EnrollmentContext facts, Verdict verdict, Submission submission, CancellationToken cancel)
    {
        // Also where the block exists already: its writer may have died before it revoked.
        if (verdict.Outcome == Outcome.Refuse && (verdict.Reason == Reason.TokenConflict
            || (Authorization.Proved(facts) && facts.Claim is not null && facts.Status.Contested)))
        {
            await conflict.Run(facts, submission.By, cancel);
        }
        var kind = verdict.Outcome switch
        {
            Outcome.Ask => FaultKind.Unavailable,
            Outcome.Malformed => FaultKind.Invalid,
            _ => FaultKind.Denied,
        };
        return await recorder.Refused(facts, verdict, submission, kind, cancel);
    }

    private async Task<Submitted> Hold(Admission admission, Submission submission, CancellationToken cancel)
    {
        try
        {
            await held.Keep(admission, submission, cancel);
            // Denied while it was on its way here.
            if (await context.IsDenied(admission.Name, admission.EnrollmentContext.Request.Key.Hash, cancel))
            {
                await held.Forget(admission.Name, cancel);
                throw new FaultException(FaultKind.Denied, Reason.RequestDenied, "a person denied this key for this name");
            }
        }
        catch (FaultException full) when (full.Kind is FaultKind.Conflict or FaultKind.Precondition or FaultKind.Denied)
        {
            var refusal = admission.Verdict with { Outcome = Outcome.Refuse, Reason = full.Reason, Sentence = full.Message };
            await recorder.Refused(admission.EnrollmentContext, refusal, submission, full.Kind, cancel);
            throw;
        }
        await recorder.Held(admission, submission, cancel);
        return new Submitted(admission.Verdict.ToDecision(), null);
    }

    private static Verdict TakenByAdmin(Verdict verdict) =>
        verdict with { Outcome = Outcome.Refuse, Reason = Reason.NameTaken,
            Sentence = "the name holds an administrator's certificate (pp_cli_auth); register the host under another name" };

    private static Verdict Reused(Verdict verdict) =>
        verdict with { Outcome = Outcome.Malformed, Reason = Reason.KeyReused,
            Sentence = "this key belongs to another name; each node needs a key of its own" };

    private static Verdict SpentElsewhere(Verdict verdict) =>
        verdict with { Outcome = Outcome.Refuse, Reason = Reason.TokenSpent,
            Sentence = "the token was spent at another CA, Overture's or puppetserver's; use one of them" };

    private static Verdict Voided(Verdict verdict) =>
        verdict with { Outcome = Outcome.Refuse, Reason = Reason.ClaimVoid,
            Sentence = "the name was revoked or ended while its certificate was being signed; launch again" };
}
