using Grpc.Core;
using Overture.CertAuthority.V1;

namespace Overture.CertAuthority;

/// <summary>Lists over all of the CA.</summary>
internal sealed partial class CertAuthorityApi
{
    public override async Task<ListCertificatesResponse> ListCertificates(ListCertificatesRequest request, ServerCallContext context)
    {
        var answer = await list.Page(request, context.CancellationToken);
        if (request.PageToken.Length == 0)
            answer.BundlePem = BundlePem;
        return answer;
    }

    public override Task ListAuditRecords(ListAuditRecordsRequest request, IServerStreamWriter<ListAuditRecordsResponse> responseStream,
        ServerCallContext context) =>
        auditRecords.Run(request, answer => responseStream.WriteAsync(answer, context.CancellationToken), context.CancellationToken);

    public override Task ExportCa(ExportCaRequest request, IServerStreamWriter<ExportCaResponse> responseStream,
        ServerCallContext context) =>
        export.Run(By(context), answer => responseStream.WriteAsync(answer, context.CancellationToken), context.CancellationToken);
}
