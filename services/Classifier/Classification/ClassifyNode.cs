using System.Diagnostics;
using Google.Protobuf.WellKnownTypes;
using Overture.Classifier.Documents;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;

namespace Overture.Classifier.Classification;

/// <summary>Answers Puppet's classification request. Never with an empty answer: a node that must not be classified is an error.</summary>
internal sealed class ClassifyNode(NodeCache cache, SharedDocuments shared, AnswerCache answers, NodeHistoryLog history,
    Timeline timeline, ClassifierOptions options)
{
    public async ValueTask<Answer> Run(CertName name, CancellationToken cancel)
    {
        var began = Stopwatch.GetTimestamp();
        // 1. what the store says, at most as old as the freshness; unknown, revoked, contested, terminated, broken: an error
        var entry = await cache.Read(name, cancel);
        Answer answer;
        try
        {
            if (options.UnknownGoBySiteManifest && entry is { Obstacle: null, Own.StoredVersion.Length: 0, Launch: null })
                return Answer.Nothing(name);
            answer = await Answered(name, entry, cancel);
        }
        catch (FaultException e)
        {
            using var span = FlowTelemetry.Step(FlowTelemetry.Classify, entry.Launch?.TraceParent, name.ToString());
            span?.SetTag(FlowTelemetry.ReasonTag, e.Reason.Code());
            ClassifyMetrics.Refused(began, e);
            throw;
        }

        // 2. the fact that it was served: durable before it is given, once a version; a store that is away has it already, or it is not
        // given
        if (entry.StaleSince is null && !history.Knows(answer))
            await Serve(name, entry, answer, cancel);

        // 3. the answer, marked where it is old
        ClassifyMetrics.Answered(began, stale: entry.StaleSince is not null);
        if (entry.StaleSince is not { } since)
            return answer;
        var stale = answer.Response.Clone();
        stale.StaleSince = since.ToTimestamp();
        return answer with { Response = stale };
    }

    // A step of the launch's trace; what is asked again every half hour is none.
    private async Task Serve(CertName name, NodeEntry entry, Answer answer, CancellationToken cancel)
    {
        using var span = FlowTelemetry.Step(FlowTelemetry.Classify, entry.Launch?.TraceParent, name.ToString());
        if (await history.Served(name, entry, answer, cancel) is { } proof)
            timeline.Add("classifier", name, InstanceEvents.Classified, $"classified: {Summary(answer)}", proof: proof);
    }

    /// <summary>The answer for a node that may be answered for.</summary>
    /// <exception cref="FaultException">NODE_BLOCKED, NODE_UNKNOWN, DEFINITION_INVALID.</exception>
    public async ValueTask<Answer> Answered(CertName name, NodeEntry entry, CancellationToken cancel)
    {
        // 1. of these documents
        var (versions, layers) = await Documents(name, entry, cancel);

        // 2. made before, or made now
        if (!entry.IsDraft && answers.Find(name, versions) is { } made)
            return made;
        var answer = Answer.Of(name, versions, [.. layers]);
        return entry.IsDraft ? answer : answers.Keep(name, answer);
    }

    /// <summary>What the answer for a node is made of, without making it: the layers, lowest first.</summary>
    /// <exception cref="FaultException">As of <see cref="Answered"/>.</exception>
    public async ValueTask<(AnswerVersions Versions, IEnumerable<Layer> Layers)> Documents(CertName name, NodeEntry entry,
        CancellationToken cancel)
    {
        // 1. it may be answered for
        if (entry.Obstacle is { } obstacle)
            throw new FaultException(FaultKind.Precondition, Reason.NodeBlocked, $"{name} is not classified: {obstacle}");
        if (entry.Own.StoredVersion.Length == 0)
        {
            answers.Forget(name);
            throw new FaultException(FaultKind.NotFound, Reason.NodeUnknown,
                $"no definition of {name}: it was never launched here, or was terminated");
        }

        var own = entry.Own.Good
            ?? throw Broken($"the definition of {name} is broken, and there is no version before it", entry.Own.Broken!);

        // 2. the documents below; as they were, while the store is away
        var layers = await shared.Layers(cancel);
        if (layers is { Good: null, Broken: { } wrong })
            throw Broken("the layers are broken, and there is no version before them", wrong);
        var profile = own.Profile.Length > 0 ? await shared.Profile(own.Profile, cancel) : null;
        if (profile is { Good: null })
        {
            throw Broken($"{name} uses the profile {own.Profile}, which {(profile.Broken is null ? "does not exist" : "is broken")}",
                profile.Broken);
        }

        var versions = new AnswerVersions(entry.Own.Version, $"{layers.Version} {profile?.Version}",
            BrokenText(entry.Own.Broken, layers.Broken, profile?.Broken), entry.Launch);
        var subject = new Subject(name.ToString(), entry.Launch?.Profile ?? "", entry.Launch?.Labels ?? new Dictionary<string, string>());
        return (versions, Layers(layers, profile, own, entry, subject));
    }

    private static IEnumerable<Layer> Layers(DocumentReading<LayersDocument> layers, DocumentReading<NodeDefinition>? profile,
        NodeDefinition own, NodeEntry entry, Subject subject)
    {
        if (layers.Good?.Defaults is { } defaults)
            yield return new Layer("defaults", ObjectKeys.Layers, layers.Version, defaults);
        foreach (var group in layers.Good?.Groups.Where(g => g.Rule.Matches(subject)) ?? [])
            yield return new Layer($"group {group.Name}", ObjectKeys.Layers, layers.Version, group.Content);
        if (profile?.Good is { } below)
            yield return new Layer($"profile {own.Profile}", ObjectKeys.Profile(own.Profile), profile.Version, below);
        yield return new Layer(Layer.Own, $"{ObjectKeys.Nodes}{subject.Certname}", entry.Own.Version, own);
    }

    private static string BrokenText(params FaultException?[] broken) =>
        string.Join("; ", broken.OfType<FaultException>()
            .Select(b => $"an edit in the bucket is not served; the version before it is: {b.Message}"));

    private static FaultException Broken(string what, FaultException? why) =>
        new(FaultKind.Precondition, Reason.DefinitionInvalid, why is null ? what : $"{what}: {why.Message}");

    private static string Summary(Answer answer)
    {
        var classes = answer.Layered.Definition.Classes;
        return $"{(classes.Count == 0 ? "no classes" : string.Join(", ", classes.Keys.Take(5)))} in {answer.Response.Environment}";
    }
}
