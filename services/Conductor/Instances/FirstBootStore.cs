using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.Conductor.Instances;

/// <summary>What instances said of their first boot: first-boot/&lt;certname&gt;, one object each, bounded.</summary>
internal sealed class FirstBootStore(ObjectStore store, Ids ids)
{
    private const int MaxTries = 5;
    private const double LongestMs = 36525.0 * 24 * 3600 * 1000; // a century

    /// <returns>Null: there is none, or it is damaged, which must not hide the instance.</returns>
    public async Task<FirstBootRecord?> Find(CertName name, CancellationToken cancel)
    {
        try
        {
            return Sound(await store.Get<FirstBootRecord>(ObjectKeys.FirstBoot(name), cancel));
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    /// <summary>Once its first boot is over: they are an instance's words, and no proof of anything.</summary>
    public Task Remove(CertName name, CancellationToken cancel) => store.Delete(ObjectKeys.FirstBoot(name), cancel);

    /// <summary>Changes the record, or makes one; another Conductor's change in between is kept.</summary>
    /// <param name="name">Whose.</param>
    /// <param name="change">May run several times, on a record of its own each time; false: nothing to write.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>The record as it is now.</returns>
    public async Task<FirstBootRecord> Change(CertName name, Func<FirstBootRecord, bool> change, CancellationToken cancel)
    {
        var key = ObjectKeys.FirstBoot(name);
        for (var tries = 0; tries < MaxTries; tries++)
        {
            var held = await store.Get(key, cancel);
            var record = (held is null ? null : Read(key, held.Body)) ?? new FirstBootRecord { Schema = 1, Certname = name.ToString() };
            if (!change(record))
                return record;
            record.WriteId = ids.Unguessable();
            var written = held is null ? await store.PutIfAbsent(key, record, cancel)
                : await store.PutIfMatch(key, RecordJson.Write(record), held.ETag, cancel);
            if (written == PutOutcome.Stored)
                return record;
        }
        throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, "the record of a first boot is being changed by others");
    }

    private FirstBootRecord? Read(string key, byte[] body)
    {
        try
        {
            return Sound(store.Read<FirstBootRecord>(key, body));
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    // It has the times that its readers need.
    private static FirstBootRecord? Sound(FirstBootRecord? record) =>
        record is not null && record.Stages.All(s => s.Started is not null) && record.Said.All(s => s.At is not null)
            && Math.Abs((double)record.ClockAheadMs) < LongestMs && Math.Abs((double)record.SetBackMs) < LongestMs ? record : null;

    /// <summary>The record as timeline lines, those that the registry has. Pure.</summary>
    public static IEnumerable<TimelineEvent> Lines(CertName name, FirstBootRecord record, LaunchRecord launch)
    {
        foreach (var stage in record.Stages)
        {
            yield return new TimelineEvent
            {
                Key = KeyOf(stage), At = stage.Ended ?? stage.Started, Service = "instance", Detail = Sentence(stage),
                Object = ObjectKeys.FirstBoot(name), TraceId = InstanceProjection.TraceIdOf(launch.Traceparent),
            };
        }
        foreach (var line in record.Said)
        {
            yield return new TimelineEvent
            {
                Key = $"{InstanceEvents.AgentSaid}{line.Number}", At = line.At, Service = "instance", Detail = Sentence(line),
                Object = ObjectKeys.FirstBoot(name), TraceId = InstanceProjection.TraceIdOf(launch.Traceparent),
            };
        }
    }

    // A stage that ended has a line of its own.
    private static string KeyOf(BootStage stage) => $"{InstanceEvents.BootStage}{stage.Name}{(stage.Ended is null ? ":began" : "")}";

    private static string Sentence(BootStage stage)
    {
        if (stage.Ended is null)
            return $"cloud-init's stage {stage.Name} began";
        var took = (stage.Ended - stage.Started).ToTimeSpan().TotalSeconds;
        return FormattableString.Invariant($"cloud-init's stage {stage.Name} took {took:0.0} s")
            + (stage.Errors.Count == 0 ? "" : $" and failed: {string.Join("; ", stage.Errors)}");
    }

    private static string Sentence(SaidLine line) => $"the agent says ({line.Level}): {line.Text}";
}
