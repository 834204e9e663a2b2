using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Instances;

/// <summary>What is so of an instance now, what a person must mend first; and when that may change by time alone. Pure.</summary>
internal sealed class ConditionRules
{
    private const string LocalProvider = "local";
    private static readonly TimeSpan Soon = TimeSpan.FromDays(1), CertificateSoon = TimeSpan.FromDays(30),
        DefinitionGrace = TimeSpan.FromMinutes(1);

    private readonly InstanceRecords records;
    private readonly DateTimeOffset now;
    private readonly List<Condition> found = [];

    private ConditionRules(InstanceRecords records, DateTimeOffset now) => (this.records, this.now) = (records, now);

    /// <summary>When one of them begins by itself; the maximum: never.</summary>
    public DateTimeOffset NextChange { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>In the order of their types.</summary>
    public IReadOnlyList<Condition> Found => found;

    /// <param name="records">What is known.</param>
    /// <param name="now">Deadlines that passed by then are missed.</param>
    public static ConditionRules Of(InstanceRecords records, DateTimeOffset now)
    {
        var rules = new ConditionRules(records, now);
        if (records.Fact(InstanceEvents.Terminating) is null && records.Fact(InstanceEvents.Terminated) is null)
            rules.OfALivingInstance();
        else if (records.Unrevoked)
            rules.Unconfirmed();
        rules.found.Sort((a, b) => a.Type.CompareTo(b.Type));
        return rules;
    }

    private string Name => $"{records.Name}";

    private bool AwaitsItsRequest => records is { Claim: null, Certificate: null } && records.Fact(InstanceEvents.Converged) is null;

    private void OfALivingInstance()
    {
        ByCertAuthority();
        ByProvider();
        BeforeTheClaim();
        ByDefinition();
        ByRuns();
        ByClock();
        ByPeople();
    }

    private void Unconfirmed() => Add(ConditionType.Revoked, Reason.RevocationPending.Code(), At(InstanceEvents.Terminated),
        "It is terminated, and CertAuthority has not confirmed that its certificate is revoked.",
        "Nothing, if CertAuthority is away for a moment; else: overture health");

    private void ByCertAuthority()
    {
        if (records.Contested is { } contested)
        {
            Add(ConditionType.Contested, Reason.TokenConflict.Code(), contested.At,
                $"{Sentence(contested.Sentence)} One of them is a thief's.",
                $"Find out who could read its user data; then: overture instance terminate {Name}, and launch another");
        }
        if (records.Revoked is { } revoked)
        {
            Add(ConditionType.Revoked, "REVOKED", revoked.At, $"Its certificate is revoked: {Sentence(revoked.Sentence)}",
                $"overture instance terminate {Name}, and launch another");
        }
        if (AwaitsItsRequest && records.Held is { } held)
        {
            Add(ConditionType.CsrHeld, held.Decision?.Reason is { Length: > 0 } reason ? reason : Reason.HeldForApproval.Code(),
                held.ReceivedAt.ToDateTimeOffset(),
                $"Its certificate request is waiting for approval: {Sentence(held.Decision?.Sentence ?? "see the list of requests")}",
                "overture certificate requests");
        }
        if (AwaitsItsRequest && records.Refusals.MaxBy(r => r.At.ToDateTimeOffset()) is { } refusal)
        {
            Add(ConditionType.CsrRefused, refusal.Reason, refusal.At.ToDateTimeOffset(),
                $"Its certificate request was refused ({refusal.Reason}): {Sentence(refusal.Detail)}",
                "A request with the right token is still accepted until the deadline.");
        }
        if (records.Current?.NotAfter.Maybe() is { } end && Due(end - CertificateSoon))
        {
            Add(ConditionType.Expiring, "CERTIFICATE", end - CertificateSoon,
                !Due(end) ? $"Its certificate ends at {Utc(end)}." : $"Its certificate ended at {Utc(end)}.",
                "The agent renews it by itself where it can (Puppet 8 and later); see the agent's log.", ConditionSeverity.Warning);
        }
    }

    private void ByProvider()
    {
        if (records.LaunchFailure is { } failed && records.Fact(InstanceEvents.Launched) is null && records.Claim is null)
        {
            // One step, and one that works: the same request again is the same launch.
            Add(ConditionType.LaunchFailed, failed.Reason.Length > 0 ? failed.Reason : Reason.ProviderFailed.Code(),
                failed.At.ToDateTimeOffset(), $"The provider did not start it: {Sentence(failed.Detail)}",
                failed.Final ? "It can't be started as requested: terminate it (overture instance terminate "
                    + $"{Name}) and launch another." : $"Once that is fixed, try again: overture instance retry {Name}");
        }
        if (records.Absence is not { } absence)
            return;
        var code = absence.State.ToUpperInvariant().Replace('-', '_');
        var why = absence.Why.Length > 0 ? $" ({absence.Why.TrimEnd('.')})" : "";
        var (message, next) = absence.State switch
        {
            "stopped" or "stopping" => ($"It does not run: the provider says {absence.State}{why}.",
                records.Launch.Provider == LocalProvider
                    ? $"It boots again when the Conductor starts; or: overture instance terminate {Name}"
                    : $"Start it at the provider, or: overture instance terminate {Name}"),
            "missing" => ("The provider no longer lists it.",
                "Its clean-up begins by itself, in a cloud once several checks in a row have not found it; see: overture gc"),
            _ => ($"It was ended outside Overture: the provider says {absence.State}{why}.",
                records.Protected ? $"It is protected, so nothing is cleaned up: overture instance protect {Name} --off"
                    : "Its certificate is revoked and its records are closed by themselves, as a rule within a minute; see: overture gc"),
        };
        Add(ConditionType.Gone, code, absence.Since, message, next);
    }

    private void BeforeTheClaim()
    {
        if (!AwaitsItsRequest)
            return;
        var (launched, deadline) = (records.Fact(InstanceEvents.Launched)?.At.Maybe(), records.Launch.Deadline.ToDateTimeOffset());
        var ran = records.Fact(InstanceEvents.Running)?.At.Maybe()
            ?? (records.Fact(InstanceEvents.Launched) is { Pending: true } ? null : launched);
        var (start, request) = (launched + StepLimits.Running(records.Launch), ran + StepLimits.Csr(records.Launch));
        if (Due(deadline))
        {
            var started = launched is not null || records.Launch.Provider == InstanceRecords.RegisteredProvider;
            Add(ConditionType.Stalled, "CSR", deadline, started
                ? Shown("It requested no certificate before the deadline, and its token is now void.")
                : "It was not started before the deadline, and its token is now void.",
                !started ? "Terminate it and launch another."
                : records.Console is { } shown ? $"Before another is launched: {shown.Next}"
                : $"Read its console (overture instance console {Name}), terminate it and launch another.");
        }
        else if (ran is null && start is { } latestStart && Due(latestStart))
        {
            Add(ConditionType.Stalled, "RUNNING", latestStart,
                $"The provider accepted it at {launched:HH:mm:ss'Z'} but has not started it.",
                "Check the provider's own events; terminate it and launch another.");
        }
        else if (request is { } latestRequest && records.Held is null && records.Refusals.Count == 0 && Due(latestRequest))
        {
            Add(ConditionType.Stalled, "CSR", latestRequest,
                Shown($"It has run since {ran:HH:mm:ss'Z'} and has not requested a certificate."),
                records.Console is { } finding ? $"For the next launch: {finding.Next}"
                : $"Read its console: overture instance console {Name}");
        }
    }

    private string Shown(string missing) => records.Console is { } finding ? $"{missing} {finding.Message}" : missing;

    private void ByDefinition()
    {
        if (records.BrokenDefinition is { } broken)
        {
            Add(ConditionType.DefinitionBroken, Reason.DefinitionInvalid.Code(), broken.At,
                $"Its definition in the bucket is not served: {Sentence(broken.Sentence)} The last good one is.",
                $"overture node edit {Name}");
        }
        if (!records.IsOwn && records.UndefinedSince is { } since && Due(since + DefinitionGrace))
        {
            Add(ConditionType.Unclassified, Reason.DefinitionMissing.Code(), since, "It has no definition: it can't be classified.",
                $"overture node set {Name} -f FILE --reason TEXT");
        }
    }

    private void ByRuns()
    {
        foreach (var condition in RunConditions.Of(records, Due))
            found.Add(condition);
    }

    private void ByClock()
    {
        if (records.Clock is not { IsOff: true } clock)
            return;
        Add(ConditionType.ClockSkew, clock.Ahead > TimeSpan.Zero ? "CLOCK_AHEAD" : "CLOCK_BEHIND", clock.Since,
            $"Its clock was {Rough(clock.Ahead.Duration())} {(clock.Ahead > TimeSpan.Zero ? "ahead of" : "behind")} the Conductor's "
                + $"at {Utc(clock.At)}.",
            "Let it keep time (chrony or systemd-timesyncd): certificates count by its clock. The next report says whether it does.");
    }

    private void ByPeople()
    {
        if (records.Quarantine is { } quarantine)
        {
            Add(ConditionType.Quarantined, "QUARANTINED", quarantine.At.Maybe() ?? now,
                $"It gets no certificate, renewal or classification: {Sentence(quarantine.Detail)}",
                $"overture instance quarantine {Name} --lift --reason TEXT");
        }
        if (records.Expires is { } end && Due(end - Soon))
        {
            Add(ConditionType.Expiring, "TTL", Max(end - Soon, records.ChangedAt), records.Protected
                ? $"Its ttl ends at {Utc(end)}, and it is terminated then unless it is still protected."
                : $"It is terminated at {Utc(end)}, when its ttl ends.",
                $"To keep it longer: overture instance ttl {Name} 7d", ConditionSeverity.Info);
        }
        if (records.Protected)
        {
            Add(ConditionType.Protected, Reason.Protected.Code(), records.ChangedAt,
                records.IsOwn ? $"Overture or a puppetserver runs on it (role {records.Launch.Role})." : "It can't be terminated.",
                records.IsOwn ? "" : $"To take that back: overture instance protect {Name} --off");
        }
    }

    // Whether that moment has come; if not, things may be otherwise then.
    private bool Due(DateTimeOffset at)
    {
        if (at <= now)
            return true;
        if (at < NextChange)
            NextChange = at;
        return false;
    }

    private static DateTimeOffset Max(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;

    private DateTimeOffset At(string fact) => records.Fact(fact)?.At.Maybe() ?? now;

    private void Add(ConditionType type, string reason, DateTimeOffset since, string message, string next,
        ConditionSeverity severity = ConditionSeverity.Unspecified) => found.Add(New(type, reason, since, message, next, severity));

    /// <param name="type">Which one.</param>
    /// <param name="reason">A code.</param>
    /// <param name="since">From when on.</param>
    /// <param name="message">One sentence.</param>
    /// <param name="next">What to do.</param>
    /// <param name="severity">Unspecified: the type's.</param>
    public static Condition New(ConditionType type, string reason, DateTimeOffset since, string message, string next,
        ConditionSeverity severity = ConditionSeverity.Unspecified) => new()
    {
        Type = type,
        Severity = severity != ConditionSeverity.Unspecified ? severity : type switch
        {
            ConditionType.Protected => ConditionSeverity.Info,
            ConditionType.PartialRun or ConditionType.Silent or ConditionType.ClockSkew => ConditionSeverity.Warning,
            _ => ConditionSeverity.Error,
        },
        Reason = reason,
        Message = message,
        Since = since.ToTimestamp(),
        Next = next,
    };

    /// <summary>With one full stop, where it is not another mark.</summary>
    public static string Sentence(string text) => text.Length > 0 && text[^1] is '.' or '!' or '?' or '…' ? text : $"{text}.";

    private static string Rough(TimeSpan span) => span.TotalDays >= 2 ? $"{span.TotalDays:0} days" : span.TotalHours >= 2
        ? $"{span.TotalHours:0} h" : span.TotalMinutes >= 3 ? $"{span.TotalMinutes:0} min" : $"{span.TotalSeconds:0} s";

    private static string Utc(DateTimeOffset at) => $"{at.UtcDateTime:yyyy-MM-dd'T'HH:mm:ss'Z'}";
}
