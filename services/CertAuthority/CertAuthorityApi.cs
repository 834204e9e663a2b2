using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Issuance;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.CertAuthority;

/// <summary>The gRPC face: message to act to message.</summary>
internal sealed partial class CertAuthorityApi(
    SubmitCsr submit, AuthorizeForStock authorize, FindCertificate find, RevokeName revoke, ClaimStore claims, EvidenceReader evidence,
    CrlPublisher crls, HeldRequests held, ApproveRequest approve, DenyRequest deny, ReviewHeld review, IssueAdminCertificate admin, CaSigner signer,
    VerifyAudit verify, ExplainCertificate explain) : CertAuthorityService.CertAuthorityServiceBase
{
    public override async Task<SubmitCertificateRequestResponse> SubmitCertificateRequest(SubmitCertificateRequestRequest request, ServerCallContext context)
    {
        var outcome = await submit.Run(Submission(request.Certname, request.CsrPem, context), CancellationToken.None);
        return new SubmitCertificateRequestResponse
        {
            Decision = outcome.Decision,
            CertificatePem = outcome.Certificate?.Pem ?? "",
            Serial = outcome.Certificate?.Serial ?? "",
        };
    }

    public override async Task<AuthorizeCertificateRequestResponse> AuthorizeCertificateRequest(AuthorizeCertificateRequestRequest request, ServerCallContext context) =>
        new() { Decision = await authorize.Run(Submission(request.Certname, request.CsrPem, context), CancellationToken.None) };

    public override async Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        var found = await find.Run(name, context.CancellationToken)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"there is no certificate for {name}");
        return new GetCertificateResponse
        {
            CertificatePem = found.Certificate.Pem,
            Serial = found.Certificate.Serial,
            Revoked = found.Revoked,
            NotAfter = found.Certificate.NotAfter,
            Decision = found.Decision,
        };
    }

    public override async Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        var reason = ReasonText(request.Reason);
        if (RequestNames.IsOwn(name))
            throw FaultException.Invalid("certname", "is the CA API's own: without it no agent gets in; give a replica another name to be rid of it");
        // A name nobody knows is most likely a typing error.
        if ((await claims.Of(name, context.CancellationToken)).Count == 0 && !(await evidence.Launch(name, context.CancellationToken)).Registered)
            throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"nothing was ever registered or certified for {name}");
        var cause = new RevocationCause(BlockKind.Revoked, RevocationReason.KeyCompromise, reason);
        var (serials, crl) = await revoke.Run(name, cause, By(context), CancellationToken.None);
        return new RevokeCertificateResponse { Serials = { serials }, CrlNumber = crl.Number };
    }

    public override Task<GetCrlResponse> GetCrl(GetCrlRequest request, ServerCallContext context)
    {
        var crl = crls.Current ?? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "there is no CRL yet; try again");
        return Task.FromResult(new GetCrlResponse { CrlPem = crl.Pem, Number = crl.Number, ThisUpdate = crl.ThisUpdate, NextUpdate = crl.NextUpdate });
    }

    private static string ReasonText(string reason) => reason.Trim() is { Length: > 0 and <= 500 } text
        ? text
        : throw FaultException.Invalid("reason", "must have 1-500 characters: it is kept for whoever asks why");

    private static Submission Submission(string certname, string pem, ServerCallContext context) =>
        new(certname, Encoding.UTF8.GetBytes(pem), By(context));

    private static Caller By(ServerCallContext context) => new(context.Peer().Name, context.GetHttpContext().Connection.RemoteIpAddress?.ToString() ?? "");
}
