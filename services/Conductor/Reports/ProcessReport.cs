using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Serving;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.Reports;

/// <summary>What a report means for an instance. May be repeated: facts are written once.</summary>
internal sealed class ProcessReport(
    InstanceRecordsReader reader, InstanceEventStore facts, InstanceRemains remains, InstanceTable table,
    Timeline timeline, LastRuns runs, RefusalLines lines, Ids ids, TimeProvider clock, ILogger<ProcessReport> log)
{
    // Of each kind: a node that fails for months must fill neither the bucket nor Redis.
    private const int MaxRuns = 10;

    /// <param name="report">What it says.</param>
    /// <param name="came">When it came.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="InvalidDataException">Not a report of an instance of ours.</exception>
    public async Task Run(ReportSummary report, DateTimeOffset came, CancellationToken cancel)
    {
        // 1. whose it is
        if (!CertName.TryParse(report.Host, out var name, out var rule))
            throw new InvalidDataException($"its host {rule}");
        if (await reader.Read(name, cancel) is not { } records)
            throw new InvalidDataException($"{name} is not registered");
        using var span = FlowTelemetry.Step(FlowTelemetry.Report, records.Launch.Traceparent, records.Launch.Certname);

        // 2. what it proves
        var verdict = ReportVerdict.Of(report, await reader.ServedEnvironment(name, cancel) ?? records.Launch.Environment,
            records.FailedRuns.Any());
        // A node may have its puppetserver post as many reports as it likes.
        if (lines.Allow(records.Launch.Certname, "reports.processed", verdict.Sentence))
            Log.ReportProcessed(log, records.Launch.Certname, verdict.Sentence);
        ReportMetrics.Processed(verdict.Outcome);
        if (verdict.Outcome == RunOutcome.Ignored || records.Fact(InstanceEvents.Terminating) is not null)
            return;
        if (records.Fact(InstanceEvents.Converged) is not null)
        {
            await CompareClocks(name, report, came, cancel);
            await Note(name, verdict, clock.NowMs(), cancel);
            return;
        }

        // 3. puppetserver passes on what an agent says of itself, also a wrong name: a node that has no certificate has not run, and one
        // that was never classified has at most failed at that
        if (records.Certificate is null && records.Claim is not { IsStock: true })
            throw new InvalidDataException($"{name} has no certificate: it can't have run");
        if (records.FirstServed is null && verdict.Outcome != RunOutcome.Failed)
            throw new InvalidDataException($"{name} was never classified: it can't have run well");

        // 4. the fact
        await CompareClocks(name, report, came, cancel);
        if (verdict.Outcome == RunOutcome.Converged)
        {
            await Converged(records, report, verdict, cancel);
        }
        else if (verdict.Outcome == RunOutcome.Failed)
        {
            await NotGood(InstanceEvents.RunFailed, records.FailedRuns, Reason.RunFailed);
        }
        else
        {
            await NotGood(InstanceEvents.RunPartial, records.PartialRuns, Reason.RunPartial);
        }
        var now = await table.Refold(name, cancel);
        // By the fact's time, which every Conductor shows.
        if (verdict.Outcome == RunOutcome.Converged && now?.States.FirstOrDefault(s => s.State == InstanceState.Converged) is { } converged)
            await Note(name, verdict, converged.At.ToDateTimeOffset(), cancel);

        async Task NotGood(string kind, IEnumerable<InstanceFact> before, Reason reason)
        {
            if (before.Count() >= MaxRuns)
                return;
            var fact = FactOf(kind + TransactionOf(report), report);
            (fact.Detail, fact.Reason) = (verdict.Sentence, reason.Code());
            await facts.Write(name, fact, cancel);
            timeline.Add("conductor", name, fact.Event, verdict.Sentence, reason, ObjectKeys.Fact(name, fact.Event));
        }
    }

    // Its last line is logged just before it is sent.
    private Task CompareClocks(CertName name, ReportSummary report, DateTimeOffset came, CancellationToken cancel) =>
        report.LastLogged is not { } at ? Task.CompletedTask
            : table.Update(name, r => r with { Clock = ClockReading.Next(r.Clock, new ClockReading(at - came, came)) }, cancel);

    // Everyday runs after the first good one: no fact, just what the last one said.
    private async Task Note(CertName name, ReportVerdict verdict, DateTimeOffset at, CancellationToken cancel)
    {
        var (result, why) = verdict.Outcome switch
        {
            RunOutcome.Failed => (RunResult.Failed, verdict.Sentence),
            RunOutcome.Partial => (RunResult.Partial, verdict.Sentence),
            _ => (RunResult.Good, ""),
        };
        var run = new ReportedRun(name, at, result, why);
        await table.Update(name, r => r with { LastRun = LastRun.Of(run) }, cancel);
        try
        {
            await runs.Save(run);
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            // Other Conductors learn of the next one.
        }
    }

    private async Task Converged(InstanceRecords records, ReportSummary report, ReportVerdict verdict, CancellationToken cancel)
    {
        var fact = FactOf(InstanceEvents.Converged, report);
        // Before the fact, so that a report that is worked off again does it again; after it, for a registration repeated in between.
        await remains.UserData(records.Name, cancel);
        var first = await facts.Write(records.Name, fact, cancel) == PutOutcome.Stored;
        await remains.OfBoot(records.Name, cancel);
        timeline.Add("conductor", records.Name, InstanceEvents.Converged, verdict.Sentence,
            proof: ObjectKeys.Fact(records.Name, InstanceEvents.Converged));
        if (first)
            Phases(records, fact.At.ToDateTimeOffset());
    }

    // What was waited for, with its true start and end, reported once: by the writer of the fact.
    private static void Phases(InstanceRecords records, DateTimeOffset processed)
    {
        var (launch, name) = (records.Launch, records.Launch.Certname);
        if (records.Fact(InstanceEvents.Launched)?.At.Maybe() is { } launched && records.Claim?.At.Maybe() is { } csr)
            FlowTelemetry.Phase(FlowTelemetry.Boot, launch.Traceparent, name, launched, csr);
        InstanceMetrics.Converged(records, processed);
        if (records.Certificate?.At.Maybe() is { } signed)
            FlowTelemetry.Phase(FlowTelemetry.FirstRun, launch.Traceparent, name, signed, processed);
    }

    private InstanceFact FactOf(string @event, ReportSummary report) => new()
    {
        Event = @event,
        TransactionUuid = TransactionOf(report),
        RunStatus = report.Status,
        RunStartedAt = DateTimeOffset.TryParse(report.Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var began)
            ? began.ToTimestamp() : null,
    };

    // It becomes part of an object key.
    private string TransactionOf(ReportSummary report) =>
        report.TransactionUuid.Length is > 0 and <= 64 && report.TransactionUuid.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')
            ? report.TransactionUuid : ids.Ordered();
}
