using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Launch;
using Overture.Conductor.State;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.Reports;

/// <summary>What a report means for an instance. May be repeated: facts are written once.</summary>
internal sealed class ProcessReport(
    EvidenceReader reader, FactLog facts, FetchedUserData fetched, StateKeeper keeper, EventLog events, Ids ids, ILogger<ProcessReport> log)
{
    // A node that fails for months must fill neither the bucket nor Redis.
    private const int MostFailedRuns = 10;

    /// <exception cref="InvalidDataException">Not a report of an instance of ours.</exception>
    public async Task Run(ReportSummary report, CancellationToken cancel)
    {
        // 1. whose it is
        if (!CertName.TryParse(report.Host, out var name, out var rule))
            throw new InvalidDataException($"its host {rule}");
        if (await reader.Read(name, cancel) is not { } evidence)
            throw new InvalidDataException($"{name} is not registered");
        using var span = FlowTelemetry.Step(FlowTelemetry.Report, evidence.Launch.Traceparent, evidence.Launch.Certname);

        // 2. what it proves
        var verdict = ReportVerdict.Of(report, await reader.ServedEnvironment(name, cancel) ?? evidence.Launch.Environment);
        Log.ReportProcessed(log, evidence.Launch.Certname, verdict.Sentence);
        if (verdict.Outcome == RunOutcome.Ignored || evidence.Fact(FactLog.Converged) is not null || evidence.Fact(FactLog.Terminating) is not null)
            return;

        // 3. puppetserver passes on what an agent says of itself, also a wrong name: a node that has no certificate or was never classified
        // has not run
        if (evidence.FirstServed is null || (evidence.Certificate is null && evidence.Claim is not { IsStock: true }))
            throw new InvalidDataException($"{name} has no certificate, or was never classified: it can't have run");

        // 4. the fact
        if (verdict.Outcome == RunOutcome.Converged)
            await Converged(evidence, report, verdict, cancel);
        else
            await Failed(evidence, report, verdict, cancel);
        await keeper.Refold(name, cancel);
    }

    private async Task Converged(Evidence evidence, ReportSummary report, ReportVerdict verdict, CancellationToken cancel)
    {
        var fact = FactOf(FactLog.Converged, report);
        // Before the fact, so that a report that is worked off again does it again; after it, for a registration repeated in between.
        await fetched.Remove(evidence.Name, cancel);
        var first = await facts.Write(evidence.Name, fact, cancel) == PutOutcome.Stored;
        await fetched.Remove(evidence.Name, cancel);
        await events.Write("conductor", evidence.Name, FactLog.Converged, verdict.Sentence, proof: ObjectKeys.Fact(evidence.Name, FactLog.Converged));
        if (first)
            Phases(evidence, fact.At.ToDateTimeOffset());
    }

    private async Task Failed(Evidence evidence, ReportSummary report, ReportVerdict verdict, CancellationToken cancel)
    {
        var fact = FactOf(FactLog.RunFailed + TransactionOf(report), report);
        fact.Detail = verdict.Sentence;
        fact.Reason = Reason.RunFailed.Code();
        if (evidence.FailedRuns.Count() >= MostFailedRuns)
            return;
        await facts.Write(evidence.Name, fact, cancel);
        await events.Write("conductor", evidence.Name, fact.Event, verdict.Sentence, Reason.RunFailed, ObjectKeys.Fact(evidence.Name, fact.Event));
    }

    // What was waited for, with its true start and end, told once: by whoever wrote the fact.
    private static void Phases(Evidence evidence, DateTimeOffset processed)
    {
        var (launch, name) = (evidence.Launch, evidence.Launch.Certname);
        if (evidence.Fact(FactLog.Launched)?.At.Maybe() is { } launched && evidence.Claim?.At.Maybe() is { } csr)
            FlowTelemetry.Phase(FlowTelemetry.Boot, launch.Traceparent, name, launched, csr);
        if (evidence.Certificate?.At.Maybe() is { } signed)
            FlowTelemetry.Phase(FlowTelemetry.FirstRun, launch.Traceparent, name, signed, processed);
    }

    private InstanceFact FactOf(string @event, ReportSummary report) => new()
    {
        Event = @event,
        TransactionUuid = TransactionOf(report),
        RunStatus = report.Status,
        RunStartedAt = DateTimeOffset.TryParse(report.Time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var began) ? began.ToTimestamp() : null,
    };

    // It becomes part of an object key.
    private string TransactionOf(ReportSummary report) =>
        report.TransactionUuid.Length is > 0 and <= 64 && report.TransactionUuid.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') ? report.TransactionUuid : ids.Ordered();
}
