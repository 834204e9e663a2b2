using Grpc.Core;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Api;

/// <summary>The audit log: its records, and whether they are whole.</summary>
internal sealed class AuditApi(VerifyAudit verify, ListAuditRecords records) : CertAuthorityService.CertAuthorityServiceBase
{
    private static readonly TimeSpan ProgressEvery = TimeSpan.FromSeconds(1);

    public override async Task VerifyAudit(
        VerifyAuditRequest request, IServerStreamWriter<VerifyAuditResponse> responseStream, ServerCallContext context)
    {
        if (request.Expected.FirstOrDefault(h => h.Stream.Length == 0 || h.Sequence < 1) is not null)
            throw FaultException.Invalid("expected", "each needs stream and sequence, as an earlier answer gave them");
        var progress = new AuditProgress();
        var work = verify.Run(request.Expected, progress, context.CancellationToken);
        while (await Task.WhenAny(work, Task.Delay(ProgressEvery, context.CancellationToken)) != work
            && !context.CancellationToken.IsCancellationRequested)
        {
            await responseStream.WriteAsync(
                new VerifyAuditResponse { Batches = progress.Batches, Records = progress.Records }, context.CancellationToken);
        }
        var verdict = await work;
        await responseStream.WriteAsync(new VerifyAuditResponse
        {
            Done = true,
            Batches = verdict.Batches,
            Records = verdict.Records,
            Problems = { verdict.Problems },
            Heads = { verdict.Heads },
        }, context.CancellationToken);
    }

    public override Task ListAuditRecords(ListAuditRecordsRequest request, IServerStreamWriter<ListAuditRecordsResponse> responseStream,
        ServerCallContext context) =>
        records.Run(request, answer => responseStream.WriteAsync(answer, context.CancellationToken), context.CancellationToken);
}
