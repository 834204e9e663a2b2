using System.Diagnostics;

namespace Overture.Platform.Telemetry;

/// <summary>
/// The one trace of an instance, from launch to first good run. The launch record carries its context; every later step is a span in it,
/// whichever service runs it. Names are listed in docs/telemetry.md (a test compares).
/// </summary>
public static class FlowTelemetry
{
    public const string SourceName = "Overture";
    public static readonly ActivitySource Source = new(SourceName);

    public const string Launch = "overture.launch";
    public const string ProviderStart = "overture.provider.start";
    public const string Boot = "overture.boot";
    public const string BootInitLocal = "overture.boot.init_local";
    public const string BootInit = "overture.boot.init";
    public const string BootConfig = "overture.boot.config";
    public const string BootFinal = "overture.boot.final";
    public const string DecideRequest = "overture.csr.decide";
    public const string Sign = "overture.sign";
    public const string Collect = "overture.collect";
    public const string Classify = "overture.classify";
    public const string FirstRun = "overture.first_run";
    public const string Report = "overture.report";
    public const string Terminate = "overture.terminate";

    /// <summary>A counter of what a limit turned away, by kind.</summary>
    public const string Limited = "overture.limited";

    /// <summary>A counter of certificates, and settings, that give access without a record, by kind.</summary>
    public const string Alarms = "overture.ca.alarms";
    /// <summary>A counter of connections that came to no request, by listener and cause.</summary>
    public const string ConnectionsRefused = "overture.connections.refused";

    /// <summary>A counter of edits in the bucket that broke a rule, by kind of document.</summary>
    public const string BrokenEdits = "overture.broken_edits";

    /// <summary>A counter of damaged objects that a listing skipped.</summary>
    public const string DamagedObjects = "overture.damaged_objects";
    /// <summary>A counter of objects that were asked for and could not be read, by the first part of their keys.</summary>
    public const string UnreadableObjects = "overture.store.unreadable";

    /// <summary>A counter of what reconcile repaired, by kind.</summary>
    public const string Repaired = "overture.reconcile.repaired";

    /// <summary>The same under its old name.</summary>
    public const string Mended = "overture.reconcile.mended";

    /// <summary>A gauge of what the last comparison found and left alone, by kind.</summary>
    public const string HeldBack = "overture.reconcile.held_back";

    /// <summary>A histogram of how long a comparison took, in seconds, repairs included.</summary>
    public const string ReconcileTime = "overture.reconcile.duration";

    /// <summary>A histogram of the time from launch to first good run, in seconds, by profile.</summary>
    public const string ConvergeTime = "overture.instance.converge.duration";

    /// <summary>A histogram of the time of each step on that way, in seconds, by step and profile.</summary>
    public const string StepTime = "overture.instance.step.duration";

    /// <summary>A counter of instances that a provider was asked to start, by provider and outcome.</summary>
    public const string Launches = "overture.launches";

    /// <summary>A gauge of instances, by state.</summary>
    public const string Instances = "overture.instances";

    /// <summary>A gauge of instances, by condition.</summary>
    public const string Conditions = "overture.instance.conditions";

    /// <summary>A gauge of the age of the oldest of a condition, in seconds.</summary>
    public const string ConditionAge = "overture.instance.condition.age";

    /// <summary>A counter of reports, by result.</summary>
    public const string Reports = "overture.reports";

    /// <summary>A gauge of reports that were taken and are not worked off.</summary>
    public const string ReportsWaiting = "overture.reports.waiting";

    /// <summary>A counter of decisions on certificate requests, by outcome and reason.</summary>
    public const string Decisions = "overture.csr.decisions";

    /// <summary>A gauge of requests that wait for a person.</summary>
    public const string HeldRequests = "overture.csr.held";

    /// <summary>A gauge of the age of the oldest of them, in seconds.</summary>
    public const string HeldAge = "overture.csr.held.age";

    /// <summary>A histogram of the time of one signature, in seconds.</summary>
    public const string SignTime = "overture.sign.duration";

    /// <summary>A histogram of the time of a classification, in seconds, by outcome.</summary>
    public const string ClassifyTime = "overture.classify.duration";

    /// <summary>A histogram of the time of one call to the object store, in seconds, by operation and outcome.</summary>
    public const string StoreTime = "overture.store.duration";

    /// <summary>A histogram of the time of one command to Redis, in seconds, by outcome.</summary>
    public const string RegistryTime = "overture.registry.duration";

    /// <summary>A counter of events that were recorded, by kind: instance, condition, certificate.</summary>
    public const string EventsRecorded = "overture.events.recorded";

    /// <summary>A gauge of the seconds since all that happened was recorded, of the Conductor that records.</summary>
    public const string EventsBehind = "overture.events.behind";

    /// <summary>A counter of attempts to deliver an event, by webhook and outcome.</summary>
    public const string WebhookAttempts = "overture.webhook.attempts";

    /// <summary>A gauge of events that a webhook has not had yet, by webhook.</summary>
    public const string WebhookWaiting = "overture.webhook.waiting";

    /// <summary>A gauge of the age of the oldest of them, in seconds, by webhook.</summary>
    public const string WebhookAge = "overture.webhook.age";

    /// <summary>A gauge of events that a webhook did not take, by webhook.</summary>
    public const string WebhookDeadLetters = "overture.webhook.dead_letters";

    /// <summary>A gauge: 1 where Redis takes writes, else 0.</summary>
    public const string RegistryHealthy = "overture.registry.healthy";

    /// <summary>A gauge: 1 where the service is ready, else 0.</summary>
    public const string Ready = "overture.ready";

    /// <summary>A gauge of when something ends, in seconds since 1970, by kind: its own certificate, the CA's, the CRL.</summary>
    public const string Expiry = "overture.expiry.time";

    /// <summary>A gauge of how long ago the CRL was made, in seconds.</summary>
    public const string CrlAge = "overture.crl.age";

    public const string CertNameTag = "overture.certname";
    public const string ReasonTag = "overture.reason";
    public const string SerialTag = "overture.serial";

    /// <summary>Opens a span in the instance's own trace, linked to the request that is being served.</summary>
    /// <param name="name">One of the constants above.</param>
    /// <param name="traceparent">Of the launch record; when it does not parse, the span joins the current trace.</param>
    /// <param name="certname">Tagged on the span (never on a metric).</param>
    public static Activity? Step(string name, string? traceparent, string certname)
    {
        var served = Activity.Current;
        var activity = ActivityContext.TryParse(traceparent, null, isRemote: true, out var parent)
            ? Source.StartActivity(name, ActivityKind.Internal, parent, links: served is null || served.TraceId == parent.TraceId
                ? null : [new ActivityLink(served.Context)])
            : Source.StartActivity(name);
        return activity?.SetTag(CertNameTag, certname);
    }

    /// <summary>Records a phase that was waited for, when it is over: a span with its true start and end.</summary>
    public static void Phase(string name, string? traceparent, string certname, DateTimeOffset start, DateTimeOffset end)
    {
        if (!ActivityContext.TryParse(traceparent, null, isRemote: true, out var parent) || end < start)
            return;
        using var activity = Source.StartActivity(name, ActivityKind.Internal, parent, startTime: start);
        activity?.SetTag(CertNameTag, certname);
        activity?.SetEndTime(end.UtcDateTime);
    }
}
