using Grpc.Core;
using Overture.Classifier.Classification;
using Overture.Classifier.Puppetserver;
using Overture.Classifier.V1;
using Overture.Platform.Records;

namespace Overture.Classifier.Api;

/// <summary>What a node is, why, and whether a puppetserver can compile it.</summary>
internal sealed class ClassifyApi(ClassifyNode classify, ExplainNode explain, CheckNode check) : ClassifierService.ClassifierServiceBase
{
    public override async Task<ClassifyResponse> Classify(ClassifyRequest request, ServerCallContext context) =>
        (await classify.Run(CertName.Parse(request.Certname), context.CancellationToken)).Response;

    public override Task<ExplainNodeResponse> ExplainNode(ExplainNodeRequest request, ServerCallContext context) =>
        explain.Run(CertName.Parse(request.Certname), context.CancellationToken);

    public override Task<CheckNodeResponse> CheckNode(CheckNodeRequest request, ServerCallContext context) =>
        check.Run(CertName.Parse(request.Certname), context.CancellationToken);
}
