using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Rpc;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>
/// Where decisions are said: one audit record each, as long as they are not too many (<see cref="AuditBudget"/>), and a line in the
/// timeline of a name that is registered. A name that a stranger made up gets no timeline (it would fill Redis), and no answer ever says
/// more than the rule allows.
/// </summary>
internal sealed class DecisionRecorder(AuditLog audit, AuditBudget budget, Timeline timeline, EnrollmentContextReader context)
{
    /// <summary>A request that broke a rule of form before anything was looked up.</summary>
    public async Task Malformed(Submission submission, CsrFacts? request, FaultException refusal, CancellationToken cancel)
    {
        DecisionMetrics.Count(DecisionOutcome.Refuse, refusal.Reason);
        var names = Named(submission, request);
        var registered = new List<CertName>();
        foreach (var name in names)
        {
            if (await IsRegistered(name, cancel))
                registered.Add(name);
        }
        var record = AuditAction.RequestRefused.Record(registered.Concat(names).Select(n => $"{n}").FirstOrDefault(""), submission.By,
            spki: request is null ? "" : $"{request.Key.Hash}", decision: Decisions.Of(refusal));
        // The one that is no certname, by which it is looked for.
        record.AskedName = AskedName.Of(submission.Name) is { Length: > 0 } asked ? asked : AskedName.Of(request?.CommonName);
        await budget.Write(record, registered.Count > 0, cancel);
        foreach (var name in registered)
            Line(name, refusal.Reason, refusal.Message);
    }

    /// <summary>A refusal by policy; gives the fault to throw.</summary>
    public async Task<FaultException> Refused(
        EnrollmentContext facts, Verdict verdict, Submission submission, FaultKind kind, CancellationToken cancel)
    {
        DecisionMetrics.Count(DecisionOutcome.Refuse, verdict.Reason);
        var record = AuditAction.RequestRefused.Record(
            $"{facts.Name}", submission.By, spki: $"{facts.Request.Key.Hash}", decision: verdict.ToDecision());
        await budget.Write(record, facts.Registered, cancel);
        if (facts.Registered)
            Line(facts.Name, verdict.Reason, verdict.Sentence);
        return new FaultException(kind, verdict.Reason, verdict.Sentence);
    }

    /// <summary>A claim exists.</summary>
    public void Received(Admission admission)
    {
        DecisionMetrics.Count(DecisionOutcome.Sign, admission.Verdict.Reason);
        timeline.Add(AuditLog.Service, admission.Name, InstanceEvents.CsrReceived,
            $"request for an {admission.EnrollmentContext.Request.Key.Text} key accepted; the certificate is being signed",
            proof: ObjectKeys.Claim(admission.Name, admission.Claim!.Claim_), at: admission.Claim.CsrReceivedAt?.ToDateTimeOffset());
    }

    public async Task Repeated(Admission admission, Submission submission, CancellationToken cancel)
    {
        DecisionMetrics.Count(DecisionOutcome.Sign, Reason.SameKey);
        var record = AuditAction.RequestRepeated.Record(
            $"{admission.Name}", submission.By, admission.Claim!.Serial, admission.Claim.SpkiSha256, admission.Verdict.ToDecision());
        // It proved its key or its token, so its name is not made up.
        await budget.Write(record, isRegistered: true, cancel);
    }

    public async Task Authorized(Admission admission, Submission submission, CancellationToken cancel) =>
        await audit.Write(AuditAction.RequestAuthorized, admission.Name.ToString(), submission.By, spki: admission.Claim!.SpkiSha256,
            decision: admission.Verdict.ToDecision(), cancel: cancel);

    public async Task Held(Admission admission, Submission submission, CancellationToken cancel)
    {
        var facts = admission.EnrollmentContext;
        DecisionMetrics.Count(DecisionOutcome.Hold, Reason.HeldForApproval);
        var record = AuditAction.RequestHeld.Record(
            $"{facts.Name}", submission.By, spki: $"{facts.Request.Key.Hash}", decision: admission.Verdict.ToDecision());
        await budget.Write(record, facts.Registered, cancel);
        if (facts.Registered)
        {
            timeline.Add(
                AuditLog.Service, facts.Name, InstanceEvents.CsrHeld, $"{admission.Verdict.Sentence}; it is kept for 24 "
                    + "hours", Reason.HeldForApproval,
                ObjectKeys.HeldRequest(facts.Name, $"{facts.Request.Key.Hash}"));
        }
    }

    private void Line(CertName name, Reason reason, string sentence) =>
        timeline.Add(AuditLog.Service, name, $"{InstanceEvents.CsrRefused}:{reason.Code()}", $"certificate request refused: "
            + $"{sentence}", reason);

    // The name in the URL and the one in the request, when they are names at all; in lower case, because an agent that shouts its name is
    // looked for under it.
    private static List<CertName> Named(Submission submission, CsrFacts? request)
    {
        var names = new List<CertName>();
        foreach (var text in new[] { submission.Name, request?.CommonName })
        {
            if (CertName.TryParse(text?.ToLowerInvariant(), out var name, out _) && !names.Contains(name))
                names.Add(name);
        }
        return names;
    }

    private async Task<bool> IsRegistered(CertName name, CancellationToken cancel)
    {
        try
        {
            return (await context.Launch(name, cancel)).Registered;
        }
        catch (FaultException)
        {
            // The store is away. The request stays refused; only its timeline misses a line.
            return false;
        }
    }
}
