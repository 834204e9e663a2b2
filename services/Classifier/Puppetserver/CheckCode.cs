using Overture.Classifier.Classification;
using Overture.Classifier.Documents;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Classifier.Puppetserver;

/// <summary>
/// Compares what is to be saved with the code that a puppetserver has, where that is requested or the option says always. A
/// puppetserver that does not answer is a refusal.
/// </summary>
/// <param name="server">Null: none is configured.</param>
internal sealed class CheckCode(ClassifierOptions options, NodeCache cache, ClassifyNode classify, PuppetserverClient? server = null)
{
    private const int MaxReported = 20;

    /// <summary>
    /// A node's own definition, in the environment that the node would get. It answers for its own classes; where it says the environment,
    /// for those of the layers below too, which then come into that one.
    /// </summary>
    /// <exception cref="FaultException">PUPPET_CODE_MISSING, by field; PUPPETSERVER_UNAVAILABLE; DEFINITION_INVALID: the layers below give
    /// no answer.</exception>
    public async Task Node(CertName name, NodeDefinition own, bool asked, CancellationToken cancel)
    {
        if (!asked && !options.Puppetserver.ChecksAlways)
            return;
        // 1. the node's answer as it would be
        var answer = await classify.Answered(name, (await cache.Read(name, cancel)).With(own), cancel);
        // 2. what the puppetserver has
        var code = await Server().Code([answer.Layered.Definition.Environment], cancel);
        // 3. compared
        Refuse(CodeComparison.OfAnswer(answer, code).Where(p => own.SetsEnvironment || p.Layer.IsOwn || p.Field == "environment")
            .Select(p => new FieldProblem(p.Field, p.Layer.IsOwn ? p.Rule : $"{p.Rule} (by {p.Layer.Name})")));
    }

    /// <exception cref="FaultException">PUPPET_CODE_MISSING, by field; PUPPETSERVER_UNAVAILABLE.</exception>
    public async Task Layers(LayersDocument layers, bool asked, CancellationToken cancel)
    {
        if (!asked && !options.Puppetserver.ChecksAlways)
            return;
        Refuse(CodeComparison.OfLayers(layers, await Server().Code(CodeComparison.EnvironmentsOf(layers), cancel)));
    }

    /// <exception cref="FaultException">PUPPETSERVER_UNAVAILABLE: none is configured.</exception>
    public PuppetserverClient Server() =>
        server ?? throw new FaultException(FaultKind.Precondition, Reason.PuppetserverUnavailable,
            "nothing was saved or compared: this Classifier has no puppetserver; set puppetserver.url");

    // An answer of gRPC has some KiB for its errors.
    private static void Refuse(IEnumerable<FieldProblem> problems)
    {
        var reported = problems.Take(MaxReported + 1).ToArray();
        if (reported.Length == 0)
            return;
        var more = reported.Length > MaxReported ? $"; and more than these {MaxReported}" : "";
        reported = [.. reported.Take(MaxReported)];
        throw new FaultException(FaultKind.Invalid, Reason.PuppetCodeMissing,
            string.Join("; ", reported.Select(p => $"{p.Field}: {p.Rule}")) + more, reported);
    }
}
