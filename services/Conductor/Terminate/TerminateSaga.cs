using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.State;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.Terminate;

/// <summary>
/// The end of an instance, one durable step after the other; each step may be repeated, so whoever finds it half done goes on. It begins with
/// the fact "terminating" and is over with the fact "terminated".
/// </summary>
/// <param name="deactivate">Null: there is no PuppetDB.</param>
internal sealed class TerminateSaga(
    ObjectStore store, EvidenceReader reader, FactLog facts, Launch.FetchedUserData fetched, ProviderSet providers, StateKeeper keeper, EventLog events, Ids ids,
    TimeProvider clock, ILogger<TerminateSaga> log, DeactivateNode? deactivate = null)
{
    /// <summary>How long CertAuthority may take to say that the certificate is revoked.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private const string ArchivedKind = "archived";
    private readonly PerName oneAtATime = new();

    /// <summary>Writes the intent; from here on the sweep finishes what a caller gives up on.</summary>
    public async Task Begin(CertName name, string caller, string reason, CancellationToken cancel)
    {
        var detail = reason.Length > 0 ? $"terminated by {caller}: {reason}" : $"terminated by {caller}";
        await facts.Write(name, new InstanceFact { Event = FactLog.Terminating, Detail = detail }, cancel);
        CrashPoint.Reach("terminate.intent");
        await events.Write("conductor", name, FactLog.Terminating, detail, proof: ObjectKeys.Fact(name, FactLog.Terminating));
        await events.Announce(name, FactLog.Terminating);
        await keeper.Refold(name, cancel);
    }

    /// <summary>Goes as far as it can.</summary>
    /// <returns>Null: all is done. Else what it waits for.</returns>
    public async Task<string?> Advance(CertName name, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        var evidence = await reader.Read(name, cancel);
        if (evidence?.Fact(FactLog.Terminating) is not { } begun || evidence.Fact(FactLog.Terminated) is not null)
            return null;

        // 1. no certificate of that name is good any more
        if (await Closed(name, begun.At.ToDateTimeOffset(), cancel) is not { } revoked)
            return "CertAuthority to revoke the certificate";

        CrashPoint.Reach("terminate.revoked");

        // 2. the instance is gone
        var holder = providers.HolderOf(evidence.Launch);
        if (holder is null && evidence.Launch.Provider != Launch.LaunchPlan.Registered)
            return $"the Conductor that holds {evidence.Launch.Provider} {evidence.Launch.Account}";
        try
        {
            if (holder is not null)
                await holder.Stop(name, evidence.Fact(FactLog.Launched)?.InstanceId ?? "", Since(evidence), cancel);
        }
        catch (ProviderException e)
        {
            return $"the provider: {e.Message}";
        }

        CrashPoint.Reach("terminate.stopped");

        // 3. its user data is gone, its definition is history
        await fetched.Remove(name, cancel);
        await Archive(name, begun.Detail, cancel);

        CrashPoint.Reach("terminate.archived");

        // 4. PuppetDB knows
        if (deactivate is not null && await deactivate.Run(name, cancel) is { } away)
            return away;

        CrashPoint.Reach("terminate.deactivated");

        // 5. the fact, then the registry
        await facts.Write(name, new InstanceFact { Event = FactLog.Terminated, Detail = begun.Detail, Reason = revoked ? "" : Reason.RevocationPending.Code() }, cancel);
        CrashPoint.Reach("terminate.fact");
        Log.Terminated(log, name);
        await events.Write("conductor", name, FactLog.Terminated, "the instance is gone; its certificate is revoked and its definition archived", proof: ObjectKeys.Fact(name, FactLog.Terminated));
        FlowTelemetry.Phase(FlowTelemetry.Terminate, evidence.Launch.Traceparent, name.ToString(), begun.At.ToDateTimeOffset(), clock.GetUtcNow());
        await keeper.Refold(name, cancel);
        await Expire(name);
        return null;
    }

    // A launch whose answer was lost, or that seemed to fail, may have begun all the same.
    private static DateTimeOffset Since(Evidence evidence) => evidence.Fact(FactLog.Launched)?.At.Maybe() ?? evidence.Launch.NotBefore.ToDateTimeOffset();

    // CertAuthority's word, or its silence for too long: an instance must not live on because the CA is down. The alarm stays in the timeline.
    // True: it is revoked; false: nobody knows; null: wait.
    private async Task<bool?> Closed(CertName name, DateTimeOffset begun, CancellationToken cancel)
    {
        if (await store.Get(ObjectKeys.Closed(name), cancel) is not null)
            return true;
        if (clock.GetUtcNow() - begun < Patience)
            return null;
        Log.RevocationPending(log, name);
        await events.Write("conductor", name, "revocation-pending", "CertAuthority has not confirmed within 2 min that the certificate is revoked; terminating goes on without it", Reason.RevocationPending);
        return false;
    }

    private async Task Archive(CertName name, string why, CancellationToken cancel)
    {
        if (await store.Get(ObjectKeys.Node(name), cancel) is not { } definition)
            return;
        // The id of the first try, where one was cut off: a version is archived once.
        var id = await Archived(name, definition.ETag, cancel) ?? ids.Ordered();
        await store.PutIfAbsent(ObjectKeys.History(name, id), new NodeHistory
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Id = id,
            Kind = ArchivedKind,
            Version = definition.ETag,
            Document = System.Text.Encoding.UTF8.GetString(definition.Body),
            Author = "conductor",
            Reason = why,
            At = clock.NowMs().ToTimestamp(),
        }, cancel);
        CrashPoint.Reach("terminate.history");
        await store.Delete(ObjectKeys.Node(name), cancel);
    }

    private async Task<string?> Archived(CertName name, string version, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await store.Get<NodeHistory>(key, cancel) is { Kind: ArchivedKind } entry && entry.Version == version)
                return entry.Id;
        }
        return null;
    }

    private async Task Expire(CertName name)
    {
        try
        {
            await events.Expire(name);
        }
        catch (FaultException)
        {
            // the registry is away: its lines stay a while longer
        }
    }
}
