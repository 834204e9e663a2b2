using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>What happened to an instance: the registry's lines, and what the store proves where the registry has forgotten.</summary>
internal sealed class InstanceTimeline(InstanceRecordsReader reader, FirstBootStore firstBoots, Timeline timeline)
{
    public async Task<GetTimelineResponse> Read(CertName name, CancellationToken cancel)
    {
        var records = await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);
        var lines = (await FromRegistry(name)).ToDictionary(e => e.Key);
        var spoken = records.Launch.ReportTokenSha256.Length == 0 ? null : await firstBoots.Find(name, cancel);
        foreach (var proven in Proven(records).Concat(spoken is null ? [] : FirstBootStore.Lines(name, spoken, records.Launch)))
            lines.TryAdd(proven.Key, proven);
        return new GetTimelineResponse
        {
            Events = { lines.Values.OrderBy(e => e.At.ToDateTimeOffset()).ThenBy(e => e.Key, StringComparer.Ordinal) },
            TraceId = InstanceProjection.TraceIdOf(records.Launch.Traceparent),
        };
    }

    /// <summary>Durable facts as timeline lines; the keys are those that the services use in the registry. Pure.</summary>
    internal static IEnumerable<TimelineEvent> Proven(InstanceRecords records)
    {
        var name = records.Name;
        var trace = InstanceProjection.TraceIdOf(records.Launch.Traceparent);
        TimelineEvent Line(string key, Timestamp at, string service, string detail, string proof, string reason = "") => new()
        {
            Key = key, At = at, Service = service, Detail = detail, Object = proof, Reason = reason, TraceId = trace,
        };

        yield return Line(InstanceEvents.Requested, records.Launch.NotBefore, "conductor", $"launch requested by {records.Launch.Caller}",
            ObjectKeys.Launch(name));
        foreach (var fact in records.Facts)
            yield return Line(fact.Event, fact.At, "conductor", Sentence(fact), ObjectKeys.Fact(name, fact.Event), fact.Reason);
        if (records.Claim is { } claim)
        {
            yield return Line(InstanceEvents.CsrReceived, claim.At ?? records.Launch.NotBefore, "certauthority",
                "certificate request received", ObjectKeys.Claim(name, claim.Id));
        }

        if (records.Certificate is { } certificate)
        {
            yield return Line(InstanceEvents.Signed, certificate.At ?? records.Launch.NotBefore, "certauthority",
                $"certificate {certificate.Serial} signed", ObjectKeys.Certificate(certificate.Serial));
        }

        if (records.FirstServed is { } served)
        {
            yield return Line(InstanceEvents.Classified, served.At ?? records.Launch.NotBefore, "classifier", "node definition served",
                ObjectKeys.History(name, served.Id));
        }
    }

    private static string Sentence(InstanceFact fact) => fact.Event switch
    {
        InstanceEvents.Launched => $"the provider started it as {fact.InstanceId}",
        InstanceEvents.Converged => $"the first good run was reported ({fact.RunStatus})",
        _ when fact.Detail.Length > 0 => fact.Detail,
        _ => fact.Event,
    };

    private async Task<IReadOnlyList<TimelineEvent>> FromRegistry(CertName name)
    {
        try
        {
            return await timeline.Read(name);
        }
        catch (FaultException)
        {
            return [];
        }
    }
}
