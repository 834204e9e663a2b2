using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Enrollment;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Rpc;
using Overture.Platform.Tls;

namespace Overture.CertAuthority.Api;

/// <summary>Certificate requests: what comes in, and what waits for a person.</summary>
internal sealed class RequestsApi(
    EnrollCertificate enroll, HeldRequests held, ReviewHeld review, ApproveRequest approve, DenyRequest deny, ClaimStore claims,
    CallerScope scope) : CertAuthorityService.CertAuthorityServiceBase
{
    public override async Task<SubmitCertificateRequestResponse> SubmitCertificateRequest(
        SubmitCertificateRequestRequest request, ServerCallContext context)
    {
        await scope.Demand(request.Certname, context);
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
        await scope.Demand(request.Certname, context);
        return new() { Decision = await enroll.Authorize(Submission(request.Certname, request.CsrPem, context), CancellationToken.None) };
    }

    public override async Task<ListCertificateRequestsResponse> ListCertificateRequests(
        ListCertificateRequestsRequest request, ServerCallContext context)
    {
        var size = request.PageSize == 0 ? 50 : request.PageSize;
        if (size is < 1 or > 500)
            throw FaultException.Invalid("page_size", "must be 1-500");
        return HeldPage.Of([.. (await held.All(context.CancellationToken)).Select(HeldRequests.Shown)], size, request.PageToken);
    }

    public override async Task<GetHeldRequestResponse> GetHeldRequest(GetHeldRequestRequest request, ServerCallContext context)
    {
        var name = CertName.Parse(request.Certname);
        var waiting = await held.Find(name, context.CancellationToken)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no certificate request waits for {name}");
        return new GetHeldRequestResponse { Request = HeldRequests.Shown(await review.Look(waiting, context.CancellationToken)) };
    }

    public override async Task<ApproveCertificateRequestResponse> ApproveCertificateRequest(
        ApproveCertificateRequestRequest request, ServerCallContext context)
    {
        await scope.Demand(request.Certname, context);
        var name = CertName.Parse(request.Certname);
        // A certificate with another host's name is that host.
        if (request.DnsAltNames.Count > 0)
            context.Peer().DemandNoScope("approve with dns_alt_names");
        var approval = new ApprovalOrder(name, Spki(request.SpkiSha256), SharedFields.Reason(request.Reason), request.DnsAltNames,
            request.Extensions, MessageTimes.Read(request.Life, "life"));
        var certificate = await approve.Run(approval, context.By(), CancellationToken.None);
        var claim = await claims.Find(name, certificate.Claim, context.CancellationToken);
        return new ApproveCertificateRequestResponse { CertificatePem = certificate.Pem, Serial = certificate.Serial,
            Decision = claim?.Decision };
    }

    public override async Task<DenyCertificateRequestResponse> DenyCertificateRequest(
        DenyCertificateRequestRequest request, ServerCallContext context)
    {
        await scope.Demand(request.Certname, context);
        var name = CertName.Parse(request.Certname);
        await deny.Run(
            name, Spki(request.SpkiSha256), SharedFields.Reason(request.Reason), context.By(), CancellationToken.None);
        return new DenyCertificateRequestResponse();
    }

    private static Submission Submission(string certname, string pem, ServerCallContext context) =>
        new(certname, Encoding.UTF8.GetBytes(pem), context.By());

    private static SpkiHash Spki(string text) => SpkiHash.TryParse(text, out var key)
        ? key
        : throw FaultException.Invalid("spki_sha256", "must be 64 hex digits: the key you saw, from `overture certificate requests`");
}
