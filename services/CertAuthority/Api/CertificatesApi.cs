using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Api;

/// <summary>What is known of certificates.</summary>
internal sealed class CertificatesApi(
    FindCertificate find, ExplainCertificate explain, ListCertificates list, ClaimStore claims, CaSigner signer, TimeProvider clock)
    : CertAuthorityService.CertAuthorityServiceBase
{
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

    public override async Task<ListCertificatesResponse> ListCertificates(ListCertificatesRequest request, ServerCallContext context)
    {
        var answer = await list.Page(request, context.CancellationToken);
        if (request.PageToken.Length == 0)
            answer.BundlePem = BundlePem;
        return answer;
    }

    public override async Task<ExplainCertificateResponse> ExplainCertificate(
        ExplainCertificateRequest request, ServerCallContext context)
    {
        var answer = await Explained(request, context.CancellationToken);
        answer.BundlePem = BundlePem;
        return answer;
    }

    private Task<ExplainCertificateResponse> Explained(ExplainCertificateRequest request, CancellationToken cancel) => request switch
    {
        { Certname.Length: > 0, Serial.Length: 0, Address.Length: 0 } => CertName.TryParse(request.Certname, out var name, out var rule)
            ? explain.OfName(name, cancel)
            : explain.OfCommonName(request.Certname, rule, cancel),
        { Certname.Length: 0, Serial.Length: > 0, Address.Length: 0 } => explain.OfSerial(SharedFields.Serials(request.Serial), cancel),
        { Certname.Length: 0, Serial.Length: 0, Address.Length: > 0 } => explain.OfAddress(
            System.Net.IPAddress.TryParse(request.Address, out var address)
                ? address
                : throw FaultException.Invalid("address", "must be an IP address"), cancel),
        _ => throw FaultException.Invalid("certname", "give one of this, serial and address"),
    };

    private string BundlePem => Encoding.ASCII.GetString(signer.Ca.Bundle);
}
