using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.State;

/// <summary>What happened to an instance: the registry's lines, and what the store proves where the registry has forgotten.</summary>
internal sealed class InstanceTimeline(EvidenceReader reader, EventLog events)
{
    public async Task<GetTimelineResponse> Read(CertName name, CancellationToken cancel)
    {
        var evidence = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        var lines = (await FromRegistry(name)).ToDictionary(e => e.Key);
        foreach (var proven in Proven(evidence))
            lines.TryAdd(proven.Key, proven);
        return new GetTimelineResponse
        {
            Events = { lines.Values.OrderBy(e => e.At.ToDateTimeOffset()).ThenBy(e => e.Key, StringComparer.Ordinal) },
            TraceId = InstanceFold.TraceIdOf(evidence.Launch.Traceparent),
        };
    }

    /// <summary>Durable facts as timeline lines; the keys are those that the services use in the registry. Pure.</summary>
    internal static IEnumerable<TimelineEvent> Proven(Evidence evidence)
    {
        var name = evidence.Name;
        var trace = InstanceFold.TraceIdOf(evidence.Launch.Traceparent);
        TimelineEvent Line(string key, Timestamp at, string service, string detail, string proof, string reason = "") => new()
        {
            Key = key, At = at, Service = service, Detail = detail, Object = proof, Reason = reason, TraceId = trace,
        };

        yield return Line("requested", evidence.Launch.NotBefore, "conductor", $"launch requested by {evidence.Launch.Caller}", ObjectKeys.Launch(name));
        foreach (var fact in evidence.Facts)
            yield return Line(fact.Event, fact.At, "conductor", Sentence(fact), ObjectKeys.Fact(name, fact.Event), fact.Reason);
        if (evidence.Claim is { } claim)
            yield return Line("csr-received", claim.At ?? evidence.Launch.NotBefore, "certauthority", "certificate request received", ObjectKeys.Claim(name, claim.Id));
        if (evidence.Certificate is { } certificate)
            yield return Line("signed", certificate.At ?? evidence.Launch.NotBefore, "certauthority", $"certificate {certificate.Serial} signed", ObjectKeys.Certificate(certificate.Serial));
        if (evidence.FirstServed is { } served)
            yield return Line("classified", served.At ?? evidence.Launch.NotBefore, "classifier", "node definition served", ObjectKeys.History(name, served.Id));
    }

    private static string Sentence(InstanceFact fact) => fact.Event switch
    {
        FactLog.Launched => $"the provider started it as {fact.InstanceId}",
        FactLog.Converged => $"the first good run was reported ({fact.RunStatus})",
        _ when fact.Detail.Length > 0 => fact.Detail,
        _ => fact.Event,
    };

    private async Task<IReadOnlyList<TimelineEvent>> FromRegistry(CertName name)
    {
        try
        {
            return await events.Read(name);
        }
        catch (FaultException)
        {
            return [];
        }
    }
}
