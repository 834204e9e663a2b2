using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;

namespace Overture.Conductor.Workers;

/// <summary>
/// Looks at an instance when CertAuthority asks for it over the change feed (a launch with attestation by source or provider), and records,
/// signed, what the provider says: CertAuthority knows no cloud.
/// </summary>
internal sealed class InstanceObserver(
    ObjectStore store, InstanceRecordsReader reader, ProviderSet providers, LaunchKeys keys, ChangeFeed feed, Ids ids, TimeProvider clock,
    ILogger<InstanceObserver> log) : BackgroundService
{
    private const string Question = "observe";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var asked = feed.Listen(what => what == Question);
        try
        {
            await Parallel.ForEachAsync(asked.Names.ReadAllAsync(stoppingToken),
                new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = stoppingToken }, Observe);
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    private async ValueTask Observe(CertName name, CancellationToken cancel)
    {
        try
        {
            // 1. An instance of ours, whose provider is here.
            if (await reader.Read(name, cancel) is not { } records || providers.HolderOf(records.Launch) is not { } holder)
                return;
            // 2. What the provider says now.
            var at = clock.GetUtcNow();
            var sighting = await holder.Look(name, records.Fact(InstanceEvents.Launched)?.InstanceId ?? "", cancel);
            // 3. Recorded, in place of the last observation.
            await Put(name, new Observation
            {
                Schema = 1,
                Certname = name.ToString(),
                At = at.ToTimestamp(),
                State = sighting.State,
                Addresses = { sighting.Addresses },
                Provider = holder.Name,
                Account = holder.Account,
                InstanceId = sighting.InstanceId,
            }, cancel);
        }
        catch (Exception e) when (e is ProviderException or FaultException or InvalidDataException or UnreadableObjectException)
        {
            // Nothing is written, so CertAuthority answers "try again", and asks again when the agent does.
            Log.NotObserved(log, name, e.Message);
        }
    }

    private async Task Put(CertName name, Observation observation, CancellationToken cancel)
    {
        var key = ObjectKeys.Observation(name);
        var body = RecordJson.Write(keys.Sign(observation, ids.Unguessable()));
        while (await store.PutIfAbsent(key, (ReadOnlyMemory<byte>)body, cancel) == PutOutcome.Conflict)
        {
            if (await store.Get(key, cancel) is { } old && await store.PutIfMatch(key, body, old.ETag, cancel) == PutOutcome.Stored)
                return;
        }
    }
}
