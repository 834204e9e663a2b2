using Overture.Classifier.Classification;
using Overture.Classifier.Documents;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>Compares a node's current classification, all layers, with the code that a puppetserver has now.</summary>
internal sealed class CheckNode(NodeCache cache, ClassifyNode classify, CheckCode check)
{
    private const int MaxReported = 200;

    /// <exception cref="FaultException">PUPPETSERVER_UNAVAILABLE; STORE_UNAVAILABLE: the node's current state is unknown.</exception>
    public async Task<CheckNodeResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. the answer as it is given
        var entry = await cache.Read(name, cancel);
        if (entry.StaleSince is not null)
        {
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
                "the object store does not answer, and what is cached of the node may be stale; try again");
        }

        var answer = await classify.Answered(name, entry, cancel);
        // 2. what the puppetserver has
        var environment = answer.Layered.Definition.Environment;
        var code = await check.Server().Code([environment], cancel);
        // 3. compared
        return new CheckNodeResponse
        {
            Certname = name.ToString(),
            Environment = environment,
            Problems =
            {
                CodeComparison.OfAnswer(answer, code).Take(MaxReported)
                    .Select(p => new CodeProblem { Path = p.Field, Rule = p.Rule, Layer = p.Layer.Name, Document = p.Layer.Document,
                        Version = p.Layer.Version }),
            },
            Broken = answer.Versions.Broken,
        };
    }
}
