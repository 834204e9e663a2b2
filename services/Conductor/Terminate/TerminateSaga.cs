using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Providers;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.Terminate;

/// <summary>
/// Terminates an instance in durable steps; each may be repeated, so any Conductor can continue a half-done one. It begins with
/// the fact "terminating" and is over with the fact "terminated".
/// </summary>
/// <param name="deactivate">Null: there is no PuppetDB.</param>
internal sealed class TerminateSaga(
    ObjectStore store, InstanceRecordsReader reader, InstanceEventStore facts, BeginTermination begin, InstanceRemains remains,
    ProviderSet providers, InstanceTable table, Timeline timeline, Ids ids, LastRuns runs, TimeProvider clock,
    ILogger<TerminateSaga> log, DeactivateNode? deactivate = null)
{
    /// <summary>How long CertAuthority may take to say that the certificate is revoked.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // Usual; a longer wait is a line of the timeline.
    private static readonly TimeSpan Brief = TimeSpan.FromSeconds(3);

    private const string ArchivedKind = "archived";
    private readonly KeyedLock oneAtATime = new();

    /// <summary>Writes the intent; from here on the sweep finishes what a caller gives up on.</summary>
    public Task Begin(CertName name, string caller, string reason, CancellationToken cancel) =>
        begin.Run(name, reason.Length > 0 ? $"terminated by {caller}: {reason}" : $"terminated by {caller}", cancel);

    /// <summary>Goes as far as it can. Each step is a line of the timeline once it is done; so is what it waits for.</summary>
    /// <returns>Null: all is done. Else what it waits for.</returns>
    public async Task<string?> Advance(CertName name, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        var records = await reader.Read(name, cancel);
        if (records?.Fact(InstanceEvents.Terminating) is not { } begun || records.Fact(InstanceEvents.Terminated) is not null)
            return null;
        if (await Steps(records, begun, cancel) is not var (waitsFor, why))
            return null;
        if (clock.GetUtcNow() - begun.At.ToDateTimeOffset() >= Brief)
            Said(name, $"waits-{waitsFor}", $"waits for {why}");
        return why;
    }

    // What of the four it waits for, and the same in words.
    private async Task<(string What, string Why)?> Steps(InstanceRecords records, InstanceFact begun, CancellationToken cancel)
    {
        var name = records.Name;

        // 1. no certificate of that name is good any more
        if (await Closed(name, begun.At.ToDateTimeOffset(), cancel) is not { } revoked)
            return ("certauthority", "CertAuthority to revoke the certificate");

        if (revoked)
            Said(name, "revocation-confirmed", "CertAuthority has confirmed that no certificate of it is valid");
        CrashPoint.Reach("terminate.revoked");

        // 2. the instance is gone
        if (await Stopped(records, begun, cancel) is { } away)
            return away;

        CrashPoint.Reach("terminate.stopped");

        // 3. its user data and its words are gone, its definition is history; a store that lets none of them go holds up no end
        await remains.UserData(name, cancel);
        if (records.Launch.ReportTokenSha256.Length > 0)
            await remains.Words(name, cancel);
        await Archive(name, begun.Detail, cancel);

        Said(name, "archived", "its definition is archived");
        CrashPoint.Reach("terminate.archived");

        // 4. PuppetDB knows
        if (deactivate is not null && await deactivate.Run(name, records.FirstServed is not null, cancel) is { } unreached)
            return ("puppetdb", unreached);

        CrashPoint.Reach("terminate.deactivated");

        // 5. the fact, then the registry
        await facts.Write(name,
            new InstanceFact { Event = InstanceEvents.Terminated, Detail = begun.Detail,
                Reason = revoked ? "" : Reason.RevocationPending.Code() }, cancel);
        CrashPoint.Reach("terminate.fact");
        Log.Terminated(log, name);
        timeline.Add("conductor", name, InstanceEvents.Terminated,
            "the instance is gone; its certificate is revoked and its definition archived",
            proof: ObjectKeys.Fact(name, InstanceEvents.Terminated));
        FlowTelemetry.Phase(FlowTelemetry.Terminate, records.Launch.Traceparent, name.ToString(), begun.At.ToDateTimeOffset(),
            clock.GetUtcNow());
        await table.Refold(name, cancel);
        await Expire(name);
        return null;
    }

    private async Task<(string What, string Why)?> Stopped(InstanceRecords records, InstanceFact begun, CancellationToken cancel)
    {
        var (name, launch) = (records.Name, records.Launch);
        if (launch.Provider == InstanceRecords.RegisteredProvider)
            return null;
        // The provider's own answers, all of them: it need not be asked, nor be there.
        if (LaunchAttempts.StartedNothing(records))
        {
            Said(name, "never-started", $"{launch.Provider} never started it: there is nothing to end");
            return null;
        }
        if (providers.HolderOf(launch) is not { } holder)
            return ("holder", $"the Conductor that holds {launch.Provider} {launch.Account}");
        var id = records.Fact(InstanceEvents.Launched)?.InstanceId ?? "";
        Said(name, "provider-asked", $"{launch.Provider} is asked to end {(id.Length > 0 ? id : "what it has of this name")}");
        try
        {
            await holder.Stop(name, id, Since(records, begun), cancel);
        }
        catch (ProviderException e)
        {
            return ("provider", $"the provider: {e.Message}");
        }
        Said(name, "stopped", $"{launch.Provider} has confirmed its end");
        return null;
    }

    // A launch whose answer was lost, or that seemed to fail, may have begun all the same; not one that the provider said is over.
    private static DateTimeOffset Since(InstanceRecords records, InstanceFact begun) =>
        begun.Reason == Reason.InstanceEnded.Code() ? DateTimeOffset.MinValue
        : records.Fact(InstanceEvents.Launched)?.At.Maybe() ?? LaunchAttempts.LastOpen(records, begun.At.ToDateTimeOffset());

    private void Said(CertName name, string step, string sentence) => timeline.Add("conductor", name, $"terminate-{step}", sentence);

    // CertAuthority's confirmation, or a time-out: an instance must not live on because the CA is down. The alarm stays in the timeline.
    // True: it is revoked; false: unknown; null: wait.
    private async Task<bool?> Closed(CertName name, DateTimeOffset begun, CancellationToken cancel)
    {
        if (await store.Get(ObjectKeys.Closed(name), cancel) is not null)
            return true;
        if (clock.GetUtcNow() - begun < Patience)
            return null;
        Log.RevocationPending(log, name);
        timeline.Add("conductor", name, "revocation-pending",
            "CertAuthority has not confirmed within 2 min that the certificate is revoked; terminating goes on without it",
            Reason.RevocationPending);
        return false;
    }

    private async Task Archive(CertName name, string why, CancellationToken cancel)
    {
        StoredObject? definition;
        try
        {
            definition = await store.Get(ObjectKeys.Node(name), cancel);
        }
        catch (UnreadableObjectException)
        {
            // Larger than any definition: nothing that was ever served, and no reason for the instance to live on.
            await remains.Definition(name, "", cancel);
            return;
        }
        if (definition is null)
            return;
        // The id of the first try, where one was cut off: a version is archived once.
        var id = await Archived(name, definition.ETag, cancel) ?? ids.Ordered();
        var (document, reason) = Text(definition.Body, why);
        await store.PutIfAbsent(ObjectKeys.History(name, id), new NodeHistory
        {
            Schema = 1,
            WriteId = ids.Unguessable(),
            Certname = name.ToString(),
            Id = id,
            Kind = ArchivedKind,
            Version = definition.ETag,
            Document = document,
            Author = "conductor",
            Reason = reason,
            At = clock.NowMs().ToTimestamp(),
        }, cancel);
        CrashPoint.Reach("terminate.history");
        await remains.Definition(name, definition.ETag, cancel);
    }

    // A termination does not wait until a file is repaired: what is not UTF-8 is kept byte for byte as Latin-1, and is marked as such.
    private static (string Document, string Reason) Text(byte[] definition, string why)
    {
        try
        {
            return (Utf8Text.Read(definition), why);
        }
        catch (NotUtf8Exception e)
        {
            return (System.Text.Encoding.Latin1.GetString(definition), $"{why} (its definition {e.Message}; kept as Latin-1)");
        }
    }

    private async Task<string?> Archived(CertName name, string version, CancellationToken cancel)
    {
        await foreach (var key in store.List(ObjectKeys.HistoryOf(name), null, cancel))
        {
            if (await ArchivedEntry(key, cancel) is { } entry && entry.Version == version)
                return entry.Id;
        }
        return null;
    }

    private async Task<NodeHistory?> ArchivedEntry(string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get<NodeHistory>(key, cancel) is { Kind: ArchivedKind } entry ? entry : null;
        }
        catch (UnreadableObjectException)
        {
            return null;
        }
    }

    private async Task Expire(CertName name)
    {
        try
        {
            await timeline.Expire(name);
            await runs.Remove(name);
        }
        catch (FaultException)
        {
            // the registry is away: its lines stay a while longer
        }
    }
}
