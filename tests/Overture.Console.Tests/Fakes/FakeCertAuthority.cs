using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Tls;

namespace Overture.Console.Tests.Fakes;

/// <summary>Answers of <see cref="CaScene"/>.</summary>
internal sealed class FakeCertAuthority(World world) : CertAuthorityService.CertAuthorityServiceBase
{
    public override Task<GetCertificateResponse> GetCertificate(GetCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return world.Of(request.Certname).Serial.Length == 0
            ? throw new FaultException(FaultKind.NotFound, Reason.NotFound, "no certificate") : Task.FromResult(CaScene.Signed());
    }

    public override Task<ListCertificateRequestsResponse> ListCertificateRequests(
        ListCertificateRequestsRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new ListCertificateRequestsResponse
        {
            Requests = { CaScene.Held(Scene.Named(103)), CaScene.Held(Scene.HostileName) },
        });
    }

    public override Task<GetHeldRequestResponse> GetHeldRequest(GetHeldRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new GetHeldRequestResponse { Request = CaScene.Held(request.Certname) });
    }

    public override Task<ApproveCertificateRequestResponse> ApproveCertificateRequest(
        ApproveCertificateRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Approve {request.Certname} {request.SpkiSha256[..8]} ({request.Reason})");
        return Task.FromResult(new ApproveCertificateRequestResponse { Serial = "4f" });
    }

    public override Task<DenyCertificateRequestResponse> DenyCertificateRequest(
        DenyCertificateRequestRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Deny {request.Certname} ({request.Reason})");
        return Task.FromResult(new DenyCertificateRequestResponse());
    }

    public override Task<ListCertificatesResponse> ListCertificates(ListCertificatesRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(new ListCertificatesResponse
        {
            Certificates = { world.Fleet.Take(12).Select(CaScene.Summary) },
            BundlePem = request.PageToken.Length == 0 ? CaScene.Bundle : "",
        });
    }

    public override Task<ExplainCertificateResponse> ExplainCertificate(ExplainCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        return Task.FromResult(request.Serial.Length > 0 ? CaScene.Explained(Scene.Named(1), request.Serial)
            : CaScene.Explained(request.Certname, CaScene.Serial));
    }

    public override Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority, $"Revoke {request.Certname}{request.Serial} ({request.Reason})");
        return Task.FromResult(new RevokeCertificateResponse { Certname = request.Certname });
    }

    public override async Task ListAuditRecords(
        ListAuditRecordsRequest request, IServerStreamWriter<ListAuditRecordsResponse> responseStream, ServerCallContext context)
    {
        world.Asked(context, Role.CertAuthority);
        await responseStream.WriteAsync(new() { Records = { world.Fleet.Take(9).Select(CaScene.Audited) } });
    }
}
