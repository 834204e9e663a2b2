using System.Text;
using Grpc.Core;
using Overture.CertAuthority.Audit;
using Overture.CertAuthority.Queries;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.CertAuthority;

internal sealed partial class CertAuthorityApi
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
        { Certname.Length: 0, Serial.Length: > 0, Address.Length: 0 } => explain.OfSerial(Serials(request.Serial), cancel),
        { Certname.Length: 0, Serial.Length: 0, Address.Length: > 0 } => explain.OfAddress(
            System.Net.IPAddress.TryParse(request.Address, out var address)
                ? address
                : throw FaultException.Invalid("address", "must be an IP address"), cancel),
        _ => throw FaultException.Invalid("certname", "give one of this, serial and address"),
    };

    private string BundlePem => Encoding.ASCII.GetString(signer.Ca.Bundle);
}
