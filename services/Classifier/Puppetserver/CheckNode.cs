using Overture.Classifier.Classification;
using Overture.Classifier.Definitions;
using Overture.Classifier.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>The act of comparing what a node is now, all layers, with the code that a puppetserver has now.</summary>
public sealed class CheckNode(NodeCache cache, ClassifyNode classify, CheckCode check)
{
    private const int MostTold = 200;

    /// <exception cref="FaultException">PUPPETSERVER_UNAVAILABLE; STORE_UNAVAILABLE: what the node is now, nobody can say.</exception>
    public async Task<CheckNodeResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. the answer as it is given
        var entry = await cache.Read(name, cancel);
        if (entry.StaleSince is not null)
            throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the object store does not answer, and what is known of the node may be old; try again");
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
                CodeComparison.OfAnswer(answer, code).Take(MostTold).Select(p => new CodeProblem { Path = p.Field, Rule = p.Rule, Layer = p.Layer.Name, Document = p.Layer.Document, Version = p.Layer.Version }),
            },
            Broken = answer.Broken,
        };
    }
}
