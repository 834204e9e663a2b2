using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;

namespace Overture.CertAuthority.Api;

/// <summary>Administrators of the CA API, and the CA as files.</summary>
internal sealed class CaApi(IssueAdminCertificate admin, ExportCa export, CrlPublisher crls, CaSigner signer)
    : CertAuthorityService.CertAuthorityServiceBase
{
    private static readonly TimeSpan UsualAdminLife = TimeSpan.FromDays(90), ShortestAdminLife = TimeSpan.FromHours(1),
        LongestAdminLife = TimeSpan.FromDays(825);

    public override async Task<IssueAdminCertificateResponse> IssueAdminCertificate(
        IssueAdminCertificateRequest request, ServerCallContext context)
    {
        var reason = SharedFields.Reason(request.Reason);
        var life = MessageTimes.Read(request.Life, "life") ?? UsualAdminLife;
        if (life < ShortestAdminLife || life > LongestAdminLife)
            throw FaultException.Invalid("life", "must be 1 h to 825 d");
        // Looked at first: without a list the certificate would be of no use, and is not made.
        var crl = crls.Demand();
        var certificate = await admin.Run(
            new AdminAsk(request.Certname, Encoding.UTF8.GetBytes(request.CsrPem), reason, life, context.By()), CancellationToken.None);
        return new IssueAdminCertificateResponse
        {
            CertificatePem = certificate.Pem,
            Serial = certificate.Serial,
            NotAfter = certificate.NotAfter,
            BundlePem = Encoding.UTF8.GetString(signer.Ca.Bundle),
            CrlPem = crl.Pem,
        };
    }

    public override Task ExportCa(ExportCaRequest request, IServerStreamWriter<ExportCaResponse> responseStream,
        ServerCallContext context) =>
        export.Run(context.By(), answer => responseStream.WriteAsync(answer, context.CancellationToken), context.CancellationToken);
}
