using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Policy;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.CertAuthority.Issuance;

/// <summary>
/// Where decisions are said: one audit record each, and a line in the timeline of a name that is registered. A name that a stranger made
/// up gets no timeline (it would fill Redis), and no answer ever says more than the rule allows.
/// </summary>
internal sealed class DecisionTold(AuditLog audit, EventLog events, EvidenceReader evidence)
{
    /// <summary>A request that broke a rule of form before anything was looked up.</summary>
    public async Task Malformed(Submission submission, CsrFacts? request, FaultException refusal, CancellationToken cancel)
    {
        var decision = new Decision { Outcome = "refuse", Reason = refusal.Reason.Code(), Sentence = refusal.Message };
        var names = Named(submission, request);
        await audit.Write("csr.refused", "deny", names.Count > 0 ? names[0].ToString() : "", submission.By, spki: request?.Key.SpkiSha256 ?? "", decision: decision, cancel: cancel);
        foreach (var name in names)
        {
            if (await IsRegistered(name, cancel))
                await Line(name, refusal.Reason, refusal.Message);
        }
    }

    /// <summary>A refusal by policy; gives the fault to throw.</summary>
    public async Task<FaultException> Refused(Evidence facts, Verdict verdict, Submission submission, FaultKind kind, CancellationToken cancel)
    {
        await audit.Write("csr.refused", "deny", facts.Name.ToString(), submission.By, spki: facts.Request.Key.SpkiSha256, decision: verdict.ToDecision(), cancel: cancel);
        if (facts.Registered)
            await Line(facts.Name, verdict.Reason, verdict.Sentence);
        return new FaultException(kind, verdict.Reason, verdict.Sentence);
    }

    /// <summary>A claim stands.</summary>
    public Task Received(Admission admission) =>
        events.Write(AuditLog.Service, admission.Name, "csr-received", $"request for an {admission.Evidence.Request.Key.Text} key accepted; the certificate is being signed",
            proof: ObjectKeys.Claim(admission.Name, admission.Claim!.Claim_), at: admission.Claim.CsrReceivedAt?.ToDateTimeOffset());

    public async Task Repeated(Admission admission, Submission submission, CancellationToken cancel) =>
        await audit.Write("csr.repeated", "allow", admission.Name.ToString(), submission.By, admission.Claim!.Serial, admission.Claim.SpkiSha256, admission.Verdict.ToDecision(), cancel);

    public async Task Authorized(Admission admission, Submission submission, CancellationToken cancel) =>
        await audit.Write("csr.authorized", "allow", admission.Name.ToString(), submission.By, spki: admission.Claim!.SpkiSha256, decision: admission.Verdict.ToDecision(), cancel: cancel);

    public async Task Held(Admission admission, Submission submission, CancellationToken cancel)
    {
        var facts = admission.Evidence;
        await audit.Write("csr.held", "deny", facts.Name.ToString(), submission.By, spki: facts.Request.Key.SpkiSha256, decision: admission.Verdict.ToDecision(), cancel: cancel);
        if (facts.Registered)
        {
            await events.Write(AuditLog.Service, facts.Name, "csr-held", $"{admission.Verdict.Sentence}; it is kept for 24 hours", Reason.HeldForApproval,
                ObjectKeys.HeldRequest(facts.Name, facts.Request.Key.SpkiSha256));
        }
    }

    private Task Line(CertName name, Reason reason, string sentence) =>
        events.Write(AuditLog.Service, name, $"csr-refused:{reason.Code()}", $"certificate request refused: {sentence}", reason);

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
            return (await evidence.Launch(name, cancel)).Registered;
        }
        catch (FaultException)
        {
            // The store is away. The request stays refused; only its timeline misses a line.
            return false;
        }
    }
}
