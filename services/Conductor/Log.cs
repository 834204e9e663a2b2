using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor;

/// <summary>The Conductor's log messages. No token, no user data, no PEM.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 100, EventName = "launch.started", Level = LogLevel.Information,
        Message = "{Certname} started as {InstanceId} for {Caller}, request {RequestId}")]
    public static partial void Started(ILogger logger, CertName certname, string instanceId, string caller, string requestId);

    [LoggerMessage(EventId = 101, EventName = "launch.failed", Level = LogLevel.Warning, Message = "{Certname} was not started: {Cause}")]
    public static partial void LaunchFailed(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 102, EventName = "launch.registered", Level = LogLevel.Information,
        Message = "{Certname} registered for {Caller}, request {RequestId}")]
    public static partial void Registered(ILogger logger, string certname, string caller, string requestId);

    [LoggerMessage(EventId = 110, EventName = "provider.unfit", Level = LogLevel.Warning,
        Message = "provider {Provider} can't launch here: {Cause}")]
    public static partial void CheckReady(ILogger logger, string provider, string cause);

    [LoggerMessage(EventId = 111, EventName = "provider.booted_again", Level = LogLevel.Information,
        Message = "{Certname} was found down and booted again")]
    public static partial void BootedAgain(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 112, EventName = "provider.boot_failed", Level = LogLevel.Warning,
        Message = "{Certname} was found down and could not be booted: {Cause}")]
    public static partial void BootFailed(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 113, EventName = "provider.orphan", Level = LogLevel.Warning,
        Message = "a local instance {Certname} has no launch record; it is left alone")]
    public static partial void Orphan(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 120, EventName = "state.moved", Level = LogLevel.Information,
        Message = "{Certname} is {State}, conditions: {Conditions}")]
    public static partial void Moved(ILogger logger, string certname, InstanceState state, string conditions);

    [LoggerMessage(EventId = 121, EventName = "state.sweep_failed", Level = LogLevel.Warning,
        Message = "the store could not be read, states may be stale: {Cause}")]
    public static partial void SweepFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 122, EventName = "state.damaged", Level = LogLevel.Error,
        Message = "{Certname} has a damaged record: {Cause}")]
    public static partial void Damaged(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 123, EventName = "state.index_rebuilt", Level = LogLevel.Information,
        Message = "the registry held {Had} of {Count} instances; its index was rebuilt")]
    public static partial void IndexRebuilt(ILogger logger, long had, int count);

    [LoggerMessage(EventId = 124, EventName = "state.recalled", Level = LogLevel.Information,
        Message = "{Count} instances restored from the last snapshot")]
    public static partial void Recalled(ILogger logger, int count);

    [LoggerMessage(EventId = 127, EventName = "state.snapshot_unread", Level = LogLevel.Warning,
        Message = "the last instance snapshot is unusable; reading all records instead: {Cause}")]
    public static partial void SnapshotUnread(ILogger logger, string cause);

    [LoggerMessage(EventId = 128, EventName = "state.snapshot_taken", Level = LogLevel.Information,
        Message = "snapshot of {Count} instances taken")]
    public static partial void SnapshotTaken(ILogger logger, int count);

    [LoggerMessage(EventId = 129, EventName = "state.snapshot_failed", Level = LogLevel.Warning,
        Message = "instance snapshot failed: {Cause}")]
    public static partial void SnapshotFailed(ILogger logger, string cause);

    [LoggerMessage(EventId = 130, EventName = "terminate.revocation_pending", Level = LogLevel.Error,
        Message = "{Certname}: CertAuthority has not confirmed that its certificate is revoked; terminating anyway")]
    public static partial void RevocationPending(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 131, EventName = "terminate.done", Level = LogLevel.Information, Message = "{Certname} terminated")]
    public static partial void Terminated(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 132, EventName = "terminate.waits", Level = LogLevel.Warning,
        Message = "{Certname}: termination is waiting: {Cause}")]
    public static partial void TerminateWaits(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 147, EventName = "remains.kept", Level = LogLevel.Warning,
        Message = "objects in {Prefix} that nothing needs any more are not removed: {Cause}; nothing waits for it, and it is tried again; "
            + "where the store refuses it, let the Conductor's key delete objects in {Prefix}, as the policy in docs/operations.md does")]
    public static partial void RemainsKept(ILogger logger, string prefix, string cause);

    [LoggerMessage(EventId = 137, EventName = "terminate.not_deactivated", Level = LogLevel.Warning,
        Message = "{Certname}: not deactivated in PuppetDB; terminating anyway: {Cause}")]
    public static partial void NotDeactivated(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 125, EventName = "instance.not_observed", Level = LogLevel.Warning,
        Message = "CertAuthority's query about {Certname} could not be answered: {Cause}")]
    public static partial void NotObserved(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 133, EventName = "reconcile.found", Level = LogLevel.Warning,
        Message = "{Kind} {Certname} at {Provider}: {Detail}; {Action}")]
    public static partial void Found(ILogger logger, FindingKind kind, string certname, string provider, string detail, string action);

    [LoggerMessage(EventId = 134, EventName = "reconcile.blind", Level = LogLevel.Warning,
        Message = "the instances of {Provider} could not be listed: {Cause}")]
    public static partial void Blind(ILogger logger, string provider, string cause);

    [LoggerMessage(EventId = 135, EventName = "reconcile.failed", Level = LogLevel.Warning,
        Message = "{Certname} could not be repaired; retrying later: {Cause}")]
    public static partial void NotRepaired(ILogger logger, string certname, string cause);

    [LoggerMessage(EventId = 136, EventName = "reconcile.waits", Level = LogLevel.Warning, Message = "reconciliation skipped: {Cause}")]
    public static partial void ReconcileWaits(ILogger logger, string cause);

    [LoggerMessage(EventId = 138, EventName = "reconcile.applied", Level = LogLevel.Information,
        Message = "{Caller} has the differences repaired that follow; may end {Limit} instances at most (0: what the brake allows)")]
    public static partial void Applied(ILogger logger, string caller, int limit);

    [LoggerMessage(EventId = 139, EventName = "profile.put", Level = LogLevel.Information,
        Message = "profile {Profile} is at version {Etag}, put by {Caller}")]
    public static partial void ProfilePut(ILogger logger, string profile, string etag, string caller);

    [LoggerMessage(EventId = 126, EventName = "instance.no_console", Level = LogLevel.Warning,
        Message = "{Certname} stalled, and its console can't be read: {Cause}")]
    public static partial void NoConsole(ILogger logger, CertName certname, string cause);

    [LoggerMessage(EventId = 140, EventName = "reports.refused", Level = LogLevel.Warning,
        Message = "a report from {Peer} was refused: {Cause}")]
    public static partial void ReportRefused(ILogger logger, string peer, string cause);

    [LoggerMessage(EventId = 144, EventName = "reports.not_taken", Level = LogLevel.Error,
        Message = "a report was not stored; its puppetserver was answered 503: {Cause}")]
    public static partial void ReportNotTaken(ILogger logger, string cause);

    [LoggerMessage(EventId = 141, EventName = "reports.invalid", Level = LogLevel.Warning, Message = "a report was dropped: {Cause}")]
    public static partial void ReportInvalid(ILogger logger, string cause);

    [LoggerMessage(EventId = 142, EventName = "reports.processed", Level = LogLevel.Information,
        Message = "report of {Certname}: {Verdict}")]
    public static partial void ReportProcessed(ILogger logger, string certname, string verdict);

    [LoggerMessage(EventId = 143, EventName = "reports.waits", Level = LogLevel.Warning,
        Message = "reports are waiting in the spool: {Cause}")]
    public static partial void ReportsWait(ILogger logger, string cause);

    [LoggerMessage(EventId = 146, EventName = "first-boot.refused", Level = LogLevel.Warning,
        Message = "a first-boot report from {Peer} was refused: it showed no token of the name that it is for")]
    public static partial void FirstBootRefused(ILogger logger, string peer);

    [LoggerMessage(EventId = 145, EventName = "puppetdb.returned", Level = LogLevel.Warning,
        Message = "{Certname} is terminated, and PuppetDB has it as active again: end what still sends for it, then puppet node deactivate")]
    public static partial void NodeReturned(ILogger logger, CertName certname);

    [LoggerMessage(EventId = 180, EventName = "events.ours", Level = LogLevel.Information,
        Message = "this Conductor records events and delivers them from now on")]
    public static partial void EventsAreOurs(ILogger logger);

    [LoggerMessage(EventId = 181, EventName = "events.not_recorded", Level = LogLevel.Warning,
        Message = "events wait to be recorded: {Cause}")]
    public static partial void EventsNotRecorded(ILogger logger, string cause);

    [LoggerMessage(EventId = 182, EventName = "webhook.fails", Level = LogLevel.Warning,
        Message = "webhook {Webhook} does not take events: {Cause}; it is tried again, and its events wait")]
    public static partial void WebhookFails(ILogger logger, string webhook, string cause);

    [LoggerMessage(EventId = 183, EventName = "webhook.recovered", Level = LogLevel.Information,
        Message = "webhook {Webhook} takes events again")]
    public static partial void WebhookRecovered(ILogger logger, string webhook);

    [LoggerMessage(EventId = 184, EventName = "webhook.dead_letter", Level = LogLevel.Warning,
        Message = "event {Cursor} is a dead letter of webhook {Webhook}: {Cause}; next: overture event dead-letters list")]
    public static partial void DeadLetter(ILogger logger, string webhook, string cursor, string cause);

    [LoggerMessage(EventId = 185, EventName = "webhook.gone", Level = LogLevel.Warning,
        Message = "webhook {Webhook} wants no more events (410) and is sent none; remove it, or when it takes them again: "
            + "overture event dead-letters replay {Webhook} --all")]
    public static partial void WebhookGone(ILogger logger, string webhook);

    [LoggerMessage(EventId = 186, EventName = "webhook.full", Level = LogLevel.Error,
        Message = "webhook {Webhook} has {Most} dead letters and waits; next: overture event dead-letters replay {Webhook}, or delete")]
    public static partial void WebhookFull(ILogger logger, string webhook, int most);

    [LoggerMessage(EventId = 187, EventName = "webhook.expired", Level = LogLevel.Error,
        Message = "webhook {Webhook} missed events {First} to {Last}, which are no longer kept (events.keep) or were removed")]
    public static partial void EventsExpired(ILogger logger, string webhook, ulong first, ulong last);

    [LoggerMessage(EventId = 188, EventName = "webhook.waits", Level = LogLevel.Warning,
        Message = "webhook {Webhook} waits, nothing is lost: {Cause}")]
    public static partial void WebhookWaits(ILogger logger, string webhook, string cause);

    [LoggerMessage(EventId = 189, EventName = "webhook.letters", Level = LogLevel.Information,
        Message = "{Caller} had {Count} dead letters of webhook {Webhook} {What}")]
    public static partial void LettersHandled(ILogger logger, string caller, int count, string webhook, string what);

    [LoggerMessage(EventId = 190, EventName = "events.trimmed", Level = LogLevel.Information,
        Message = "{Count} objects of events that are no longer kept were removed")]
    public static partial void EventsTrimmed(ILogger logger, int count);

    [LoggerMessage(EventId = 191, EventName = "events.not_trimmed", Level = LogLevel.Warning,
        Message = "old events could not be removed, and are kept until the next try: {Cause}")]
    public static partial void EventsNotTrimmed(ILogger logger, string cause);

    [LoggerMessage(EventId = 192, EventName = "events.checkpoint_unread", Level = LogLevel.Warning,
        Message = "the checkpoint before is read in place of one that can't be: {Cause}")]
    public static partial void CheckpointUnread(ILogger logger, string cause);

    [LoggerMessage(EventId = 193, EventName = "events.gap", Level = LogLevel.Error,
        Message = "events {First} to {Last} are missing from the log (removed?); what they said and is still so is recorded again")]
    public static partial void EventsGap(ILogger logger, ulong first, ulong last);
}
