using Grpc.Core;
using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Revocation;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Serving;
using Overture.Platform.Tls;
using Overture.Records.V1;

namespace Overture.CertAuthority.Api;

/// <summary>Revocation, and the list that says so.</summary>
internal sealed class RevocationApi(
    RevokeCommonName revoke, RevokeSerial revokeSerial, CrlPublisher crls, PublishInternalCrl publishInternal, InternalCrls internalCrls,
    CallerScope scope) : CertAuthorityService.CertAuthorityServiceBase
{
    public override async Task<RevokeCertificateResponse> RevokeCertificate(RevokeCertificateRequest request, ServerCallContext context)
    {
        var cause = new RevocationCause(BlockKind.Revoked, RevocationReason.KeyCompromise, SharedFields.Reason(request.Reason));
        if (request.Serial.Length > 0)
            context.Peer().DemandNoScope("revoke by serial; revoke by certname");
        else
            await scope.Demand(request.Certname, context);
        if (request.Serial.Length > 0 && request.Certname.Length > 0)
            throw FaultException.Invalid("serial", "give either this or certname");
        var revoked = request.Serial.Length > 0
            ? await revokeSerial.Run(SharedFields.Serials(request.Serial), cause, context.By(), CancellationToken.None)
            : await revoke.Run(request.Certname, cause, context.By(), context.CancellationToken);
        return new() { Serials = { revoked.Serials }, CrlNumber = revoked.Crl.Number, Certname = revoked.Certname };
    }

    public override Task<GetCrlResponse> GetCrl(GetCrlRequest request, ServerCallContext context)
    {
        var crl = crls.Demand();
        return Task.FromResult(
            new GetCrlResponse { CrlPem = crl.Pem, Number = crl.Number, ThisUpdate = crl.ThisUpdate, NextUpdate = crl.NextUpdate });
    }

    public override async Task<PublishInternalCrlResponse> PublishInternalCrl(
        PublishInternalCrlRequest request, ServerCallContext context)
    {
        var list = await publishInternal.Run(request.CrlPem, context.By(), CancellationToken.None);
        return new PublishInternalCrlResponse { Number = list.Number, Revoked = list.Entries.Count };
    }

    public override async Task<GetInternalCrlsResponse> GetInternalCrls(GetInternalCrlsRequest request, ServerCallContext context) =>
        new() { CrlPem = { (await internalCrls.Recent(context.CancellationToken)).Select(l => l.Pem) } };
}
