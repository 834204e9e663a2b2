using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Approval;
using Overture.CertAuthority.Csr;
using Overture.CertAuthority.V1;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;

namespace Overture.CertAuthority;

/// <summary>Administrators of the CA API, and revoked certificates of the internal PKI.</summary>
internal sealed partial class CertAuthorityApi
{
    private static readonly TimeSpan UsualAdminLife = TimeSpan.FromDays(90), ShortestAdminLife = TimeSpan.FromHours(1),
        LongestAdminLife = TimeSpan.FromDays(825);

    public override async Task<IssueAdminCertificateResponse> IssueAdminCertificate(
        IssueAdminCertificateRequest request, ServerCallContext context)
    {
        var reason = request.Reason.Trim();
        if (reason.Length is 0 or > 500)
            throw FaultException.Invalid("reason", "must have 1-500 characters: it is kept with the record");
        var life = MessageTimes.Read(request.Life, "life") ?? UsualAdminLife;
        if (life < ShortestAdminLife || life > LongestAdminLife)
            throw FaultException.Invalid("life", "must be 1 h to 825 d");
        // Looked at first: without a list the certificate would be of no use, and is not made.
        var crl = crls.Current
            ?? throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "there is no CRL yet; try again");
        var certificate = await admin.Run(
            new AdminAsk(request.Certname, Encoding.UTF8.GetBytes(request.CsrPem), reason, life, By(context)), CancellationToken.None);
        return new IssueAdminCertificateResponse
        {
            CertificatePem = certificate.Pem,
            Serial = certificate.Serial,
            NotAfter = certificate.NotAfter,
            BundlePem = Encoding.UTF8.GetString(signer.Ca.Bundle),
            CrlPem = crl.Pem,
        };
    }

    public override async Task<PublishInternalCrlResponse> PublishInternalCrl(
        PublishInternalCrlRequest request, ServerCallContext context)
    {
        var list = await publishInternal.Run(request.CrlPem, By(context), CancellationToken.None);
        return new PublishInternalCrlResponse { Number = list.Number, Revoked = list.Entries.Count };
    }

    public override async Task<GetInternalCrlsResponse> GetInternalCrls(GetInternalCrlsRequest request, ServerCallContext context) =>
        new() { CrlPem = { (await internalCrls.Recent(context.CancellationToken)).Select(l => l.Pem) } };
}
