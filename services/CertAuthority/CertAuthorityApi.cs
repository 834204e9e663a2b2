using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.CertAuthority;

/// <summary>The gRPC face: message to act to message.</summary>
internal sealed partial class CertAuthorityApi(
    EnrollCertificate enroll, FindCertificate find, RevokeName revoke, RevokeSerial revokeSerial,
    RevokeUnclaimed revokeUnclaimed,
    UnclaimedCertificates unclaimed, ClaimStore claims, SpentNames spent, EnrollmentContextReader evidence,
    CrlPublisher crls, HeldRequests held, ApproveRequest approve, DenyRequest deny, ReviewHeld review, IssueAdminCertificate admin,
    CaSigner signer,
    VerifyAudit verify, ExplainCertificate explain, ListCertificates list, ListAuditRecords auditRecords, ExportCa export,
    PublishInternalCrl publishInternal, InternalCrls internalCrls, TimeProvider clock)
    : CertAuthorityService.CertAuthorityServiceBase
{
    public override async Task<SubmitCertificateRequestResponse> SubmitCertificateRequest(
        SubmitCertificateRequestRequest request, ServerCallContext context)
    {
        await InScope(request.Certname, context);
        var outcome = await enroll.Run(Submission(request.Certname, request.CsrPem, context), CancellationToken.None);
        return new SubmitCertificateRequestResponse
        {
            Decision = outcome.Decision,
            CertificatePem = outcome.Certificate?.Pem ?? "",
            Serial = outcome.Certificate?.Serial ?? "",
        };
    }

    public override async Task<AuthorizeCertificateRequestResponse> AuthorizeCertificateRequest(
        AuthorizeCertificateRequestRequest request, ServerCallContext context)
    {
        await InScope(request.Certname, context);
        return new() { Decision = await enroll.Authorize(Submission(request.Certname, request.CsrPem, context), CancellationToken.None) };
    }

    public override async Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        var found = await find.Run(name, context.CancellationToken)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound,
                (await claims.Of(name, context.CancellationToken)).LastOrDefault(c => c.Issuer == Issuers.Import) is { } moved
                ? $"the certificate {moved.Serial} of {name} is known by the imported inventory alone, so there is no text of it to "
                    + "show; it can be revoked"
                : $"there is no certificate for {name}");
        return new GetCertificateResponse
        {
            CertificatePem = found.Certificate.Pem,
            Serial = found.Certificate.Serial,
            Revoked = found.Revoked,
            NotAfter = found.Certificate.NotAfter,
            Decision = found.Decision,
            State = Queries.ListCertificates.StateOf(found.Revoked, found.Certificate.NotAfter.ToDateTimeOffset(), clock.GetUtcNow()),
        };
    }

    public override async Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context)
    {
        var cause = new RevocationCause(BlockKind.Revoked, RevocationReason.KeyCompromise, ReasonText(request.Reason));
        if (request.Serial.Length > 0)
            context.Peer().DemandNoScope("revoke by serial; revoke by certname");
        else
            await InScope(request.Certname, context);
        if (request.Serial.Length > 0)
        {
            return request.Certname.Length == 0
                ? Answer(await revokeSerial.Run(Serials(request.Serial), cause, By(context), CancellationToken.None))
                : throw FaultException.Invalid("serial", "give either this or certname");
        }
        if (!CertName.TryParse(request.Certname, out var name, out var rule))
        {
            // Only what was moved in has such a name, or was seen in use.
            return await revokeUnclaimed.Run(request.Certname, cause, By(context), CancellationToken.None) is { } other ? Answer(other)
                : throw FaultException.Invalid("certname",
                    $"{rule}; no certificate of this name was moved in either. Next: overture certificate revoke --serial SERIAL");
        }
        if (RequestNames.IsOwn(name))
        {
            throw FaultException.Invalid(
                "certname", "is the CA API's own: without it no agent can connect; to replace it, give the replica another name");
        }
        // An unknown name is most likely a typing error.
        if (await claims.Readable(name, context.CancellationToken) is ({ Count: 0 }, null) && !spent.Knows(name)
            && (await unclaimed.Of($"{name}", context.CancellationToken)).Count == 0
            && !(await evidence.Launch(name, context.CancellationToken)).Registered)
        {
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"nothing was ever registered or certified for {name}");
        }
        var (serials, crl) = await revoke.Run(name, cause, By(context), CancellationToken.None);
        return new RevokeCertificateResponse { Serials = { serials }, CrlNumber = crl.Number, Certname = $"{name}" };
    }

    private static RevokeCertificateResponse Answer(RevokedSerial revoked) =>
        new() { Serials = { revoked.Serials }, CrlNumber = revoked.Crl.Number, Certname = revoked.Certname };

    private static IReadOnlyList<SerialNumber> Serials(string text) => SerialNumber.Readings(text) is { Count: > 0 } readings
        ? readings
        : throw FaultException.Invalid("serial", SerialNumber.Rule);

    public override Task<GetCrlResponse> GetCrl(GetCrlRequest request, ServerCallContext context)
    {
        var crl = crls.Current
            ?? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "there is no CRL yet; try again");
        return Task.FromResult(
            new GetCrlResponse { CrlPem = crl.Pem, Number = crl.Number, ThisUpdate = crl.ThisUpdate, NextUpdate = crl.NextUpdate });
    }

    private static string ReasonText(string reason) => reason.Trim() is { Length: > 0 and <= 500 } text
        ? text
        : throw FaultException.Invalid("reason", "must have 1-500 characters: it is kept with the record");

    private static Submission Submission(string certname, string pem, ServerCallContext context) =>
        new(certname, Encoding.UTF8.GetBytes(pem), By(context));

    // By the launch record that the Conductor signed. A host without one has neither profile nor labels: no scope covers it.
    private async Task InScope(string certname, ServerCallContext context)
    {
        var peer = context.Peer();
        if (!peer.Scope.IsLimited)
            return;
        if (CertName.TryParse(certname, out var name, out _)
            && (await evidence.Launch(name, context.CancellationToken)).Launch is { } launch)
        {
            peer.DemandScopeOfInstance($"instance {name}", launch.Profile, launch.Labels, launch.Role, launch.DnsAltNames);
        }
        else
        {
            peer.DemandNoScope("act on a host that was not launched or registered here");
        }
    }

    private static Caller By(ServerCallContext context) =>
        new(context.Peer().Caller, Caller.PeerOf(context.GetHttpContext().Connection.RemoteIpAddress));
}
