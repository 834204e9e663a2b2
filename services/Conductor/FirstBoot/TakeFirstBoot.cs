using System.Net;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Console;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;

namespace Overture.Conductor.FirstBoot;

/// <summary>
/// What an instance says of its first boot, until its first good run: kept, bounded, and shown in timeline and trace. It is the instance's
/// own word: it proves nothing to CertAuthority and moves no state.
/// </summary>
internal sealed class TakeFirstBoot(
    InstanceTable table, InstanceRecordsReader reader, FirstBootStore firstBoots, InstanceRemains remains, FirstBootLimits limits,
    LaunchKeys keys,
    Timeline timeline, TimeProvider clock)
{
    /// <summary>Stages, lines, and turns of its clock that are taken of one instance.</summary>
    public const uint Most = 200;

    // Warnings leave half of all to errors.
    private const uint MostWithWarnings = Most / 2;
    private const int KeptLines = 20;
    private const string Mask = "********", Error = "err";
    private static readonly TimeSpan LongestBoot = TimeSpan.FromDays(1), Listening = TimeSpan.FromDays(7),
        // What two ways of one line may make of its time.
        SameTime = TimeSpan.FromSeconds(5);

    private readonly KeyedLock oneAtATime = new();

    public enum Taken
    {
        Yes,
        /// <summary>Not this name's token, or no such name.</summary>
        NotItsToken,
        /// <summary>It has converged, it ends, or its launch is a week ago.</summary>
        Over,
        /// <summary>It speaks too often, or has said all that is taken.</summary>
        TooMuch,
    }

    /// <exception cref="InvalidDataException">Not such a report.</exception>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<Taken> Run(CertName name, string token, IPAddress peer, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        // 1. whose it is: a name that is unknown and a wrong token get the same answer, also where too many were wrong
        var row = table.Rows.Find(name);
        if (row is null && !limits.MayTry(peer))
            return Taken.TooMuch;
        var records = row?.Records() ?? await reader.Read(name, cancel);
        if (records?.Launch.ReportTokenSha256 is not { Length: > 0 } expected
            || !EnrollmentToken.Matches(EnrollmentToken.Hash(token), expected))
        {
            return row is null || limits.MayTry(peer) ? Taken.NotItsToken : Taken.TooMuch;
        }

        // 2. whether it may speak still, and now
        if (!limits.MaySpeak(name))
            return Taken.TooMuch;
        var received = clock.NowMs();
        if (records.Facts.Any(f => f.Event is InstanceEvents.Converged or InstanceEvents.Terminating or InstanceEvents.Terminated))
        {
            await remains.Words(name, cancel);
            return Taken.Over;
        }
        if (received > records.Launch.NotBefore.ToDateTimeOffset() + Listening && received > records.Launch.Deadline.ToDateTimeOffset())
            return Taken.Over;

        // 3. kept, where it says anything new
        var report = FirstBootReport.Read(body);
        var reading = new ClockReading(report.Time - received, received);
        var turned = reading.Turns(records.Clock) && limits.MayTurn(name);
        if (!turned && report.Stages.Count == 0 && report.Said.Count == 0)
            return Taken.Yes;
        using var alone = await oneAtATime.Enter(name, cancel);
        IReadOnlyList<TimelineEvent> news = [];
        List<BootStage> ended = [];
        var (isFull, kept) = (false, false);
        var changed = await firstBoots.Change(name, record =>
        {
            var before = FirstBootStore.Lines(name, record, records.Launch).Select(l => l.Key).ToHashSet(StringComparer.Ordinal);
            var others = record.Stages.Where(s => s.Ended is not null).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
            isFull = !Add(record, report, received, Masked(records));
            kept = turned && record.Taken < Most;
            if (kept)
            {
                record.Taken++;
                (record.ClockAheadMs, record.ClockAt) = ((long)reading.Ahead.TotalMilliseconds, received.ToTimestamp());
            }
            news = [.. FirstBootStore.Lines(name, record, records.Launch).Where(l => !before.Contains(l.Key))];
            ended = [.. record.Stages.Where(s => s.Ended is not null && !others.Contains(s.Name))];
            return kept || news.Count > 0;
        }, cancel);

        // 4. shown
        foreach (var line in news)
            timeline.Add(line.Service, name, line.Key, line.Detail, proof: line.Object, at: line.At.ToDateTimeOffset());
        foreach (var stage in ended)
            Span(records.Launch, stage);
        if (kept || news.Count > 0)
        {
            await table.Update(name, r => r with { Said = [.. changed.Said],
                Clock = kept ? ClockReading.Next(r.Clock, reading) : r.Clock }, cancel);
        }
        return isFull ? Taken.TooMuch : Taken.Yes;
    }

    // Times by our clock: what the instance says, less what its clock is ahead. By one difference for all its reports while they agree:
    // each has another way to go, and a stage must not begin after its successor. False: there is no room for all of it.
    private static bool Add(FirstBootRecord record, FirstBootReport report, DateTimeOffset received, Func<string, string> masked)
    {
        var (now, known) = (report.Time - received, TimeSpan.FromMilliseconds(record.SetBackMs));
        var ahead = record.HasSetBackMs && (now - known).Duration() <= ClockReading.Tolerance / 2 ? known : now;
        record.SetBackMs = (long)ahead.TotalMilliseconds;
        foreach (var reported in report.Stages)
        {
            var stage = record.Stages.FirstOrDefault(s => s.Name == reported.Name);
            var (started, finish) = (Ours(reported.Started), reported.Ended is { } end ? Ours(end) : (DateTimeOffset?)null);
            // It is of the first boot; a later one's has the same name.
            if (stage?.Ended is not null || (stage is not null && finish is null) || finish < started)
                continue;
            if (record.Taken >= Most)
                return false;
            if (stage is null)
                record.Stages.Add(stage = new BootStage { Name = reported.Name });
            (stage.Started, stage.Ended) = (started.ToTimestamp(), finish?.ToTimestamp());
            stage.Errors.Add(reported.Errors.Select(masked));
            record.Taken++;
        }
        var room = true;
        foreach (var line in report.Said.Where(l => l.Text.Length > 0))
        {
            var (at, text) = (Ours(line.At), masked(line.Text));
            // Its answer was lost.
            if (record.Said.Any(k => k.Text == text && (k.At.ToDateTimeOffset() - at).Duration() <= SameTime))
                continue;
            if (record.Taken >= (line.Level == Error ? Most : MostWithWarnings))
            {
                room = false;
                continue;
            }
            record.Taken++;
            record.Said.Add(new SaidLine { Number = record.Taken, At = at.ToTimestamp(), Level = line.Level, Text = text });
            while (record.Said.Count > KeptLines)
                record.Said.Remove(record.Said.FirstOrDefault(k => k.Level != Error) ?? record.Said[0]);
        }
        return room;

        // Never after it came, nor days before.
        DateTimeOffset Ours(DateTimeOffset at)
        {
            var ours = at - ahead;
            return ours > received ? received : ours < received - LongestBoot ? received - LongestBoot : ours;
        }
    }

    // The reporter masks them too; here it does not depend on the instance.
    private Func<string, string> Masked(InstanceRecords records)
    {
        var (token, own) = (keys.Token(records.Launch.RequestId, records.Name), keys.ReportToken(records.Launch.RequestId, records.Name));
        return text => ConsoleFindings.Masked(
            text.Replace(token, Mask, StringComparison.OrdinalIgnoreCase).Replace(own, Mask, StringComparison.OrdinalIgnoreCase));
    }

    private static void Span(LaunchRecord launch, BootStage stage) => FlowTelemetry.Phase(stage.Name switch
    {
        "init-local" => FlowTelemetry.BootInitLocal,
        "init" => FlowTelemetry.BootInit,
        "modules-config" => FlowTelemetry.BootConfig,
        _ => FlowTelemetry.BootFinal,
    }, launch.Traceparent, launch.Certname, stage.Started.ToDateTimeOffset(), stage.Ended.ToDateTimeOffset());
}
