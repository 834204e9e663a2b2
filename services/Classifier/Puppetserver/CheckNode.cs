using Overture.Classifier.Classification;
using Overture.Classifier.Definitions;
using Overture.Classifier.V1;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>The act of comparing what a node is now, all layers, with the code that a puppetserver has now.</summary>
public sealed class CheckNode(NodeCache cache, ClassifyNode classify, CheckCode check)
{
    public async Task<CheckNodeResponse> Run(CertName name, CancellationToken cancel)
    {
        // 1. the answer as it is given
        var answer = await classify.Answered(name, await cache.Read(name, cancel), cancel);
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
                CodeComparison.OfAnswer(answer, code).Select(p => new CodeProblem { Path = p.Field, Rule = p.Rule, Layer = p.Layer.Name, Document = p.Layer.Document, Version = p.Layer.Version }),
            },
            Broken = answer.Broken,
        };
    }
}
