using System.Collections.Concurrent;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Platform.Telemetry;
using Overture.Records.V1;
using Timeline = Overture.Platform.Registry.Timeline;

namespace Overture.Conductor.Launch;

/// <summary>What came of asking.</summary>
/// <param name="Started">Null: it was not started.</param>
/// <param name="Place">Where; empty: there is one place only.</param>
/// <param name="Refusal">Why not; null: it was, or is to end and was not asked for.</param>
/// <param name="Attempt">Id of the attempt that was refused; null: it needs no fact.</param>
internal sealed record Asked(Started? Started, string Place, ProviderException? Refusal, string? Attempt)
{
    /// <summary>Whether one runs is not known yet, and is looked up: no failure.</summary>
    public bool Waits { get; init; }
}

/// <summary>
/// Asks the provider for an instance, at one place after the other until one has room. No place is asked while another may have started it:
/// an attempt is a fact before it is made, and so is the answer that nothing was started. What a lost answer began is looked up by token
/// and mark until the provider must have listed it; only then the next place is asked.
/// </summary>
internal sealed class AskProvider(InstanceRecordsReader reader, InstanceEventStore facts, Timeline timeline, Ids ids, TimeProvider clock)
    : IDisposable
{
    private const int AskedAtOnce = 5;
    private const string NotInTime = "the provider was not asked in time";

    // From its announcement on: a request that is under way later than Margin would escape the proof.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3), Margin = TimeSpan.FromMinutes(5);

    // Of each provider: an account that answers slowly holds up its own launches alone.
    private readonly ConcurrentDictionary<IProvider, SemaphoreSlim> asking = new();

    /// <summary>An attempt that may be made, or what came instead.</summary>
    private sealed record Turn(string? Id, int Place, Asked? Instead = null);

    /// <param name="order">Its provider is set.</param>
    /// <param name="enrollment">As recorded.</param>
    /// <param name="cancel">Gives up; it may have been started.</param>
    public async Task<Asked> Run(LaunchOrder order, Enrollment enrollment, CancellationToken cancel)
    {
        var turns = asking.GetOrAdd(order.Provider!, _ => new SemaphoreSlim(AskedAtOnce, AskedAtOnce));
        await turns.WaitAsync(cancel);
        try
        {
            return await InTurn(order, enrollment, cancel);
        }
        finally
        {
            turns.Release();
        }
    }

    private async Task<Asked> InTurn(LaunchOrder order, Enrollment enrollment, CancellationToken cancel)
    {
        var (name, provider, places) = (order.Name, order.Provider!, PlacesOf(order, enrollment));
        var full = new List<(string Text, ProviderException Why)>();

        // 1. the first attempt of a name that was just made needs no fact; any other is announced, once it may be made
        var turn = new Turn(LaunchAttempts.First, 0);
        if (!enrollment.Fresh)
        {
            turn = await Settle(name, provider, places, cancel) is { } wait ? turn with { Instead = wait }
                : await Announce(name, provider, places, cancel);
        }
        else if (places.Count > 1 && IsLate(enrollment.Record.NotBefore.ToDateTimeOffset()))
        {
            await Refused(name, LaunchAttempts.First, NotInTime, cancel);
            turn = await Announce(name, provider, places, cancel);
        }
        while (turn.Instead is null)
        {
            // 2. the provider starts it, or finds that it did
            var place = places[turn.Place];
            var (started, refusal) = await Ask(order, enrollment, place, again: !enrollment.Fresh || turn.Id != LaunchAttempts.First,
                limited: places.Count > 1, cancel);
            if (started is not null)
                return new Asked(started, places[started.Place is { } at && at < places.Count ? at : turn.Place].Text, null, turn.Id);
            if (places.Count == 1 || !refusal!.Elsewhere)
                return new Asked(null, place.Text, With(full, refusal!), turn.Id);

            // 3. no room: that nothing was started by it is a fact, or is looked up before anything else is asked
            full.Add((place.Text, refusal));
            if (refusal.Means == NotStarted.Nothing)
                await NoRoom(name, turn, place, cancel);
            CrashPoint.Reach("launch.refused");
            var records = await Read(name, cancel);
            if (LaunchAttempts.Unanswered(records).Count > 0)
                return Wait(name, provider, records);
            var isLast = turn.Place == places.Count - 1;
            timeline.Add("conductor", name, InstanceEvents.LaunchRefused + turn.Id, $"no room at {place.Text} ({CodeOf(refusal)}). "
                + (isLast ? "It was the last place." : $"Next: {places[turn.Place + 1].Text}"),
                proof: ObjectKeys.Fact(name, InstanceEvents.LaunchRefused + turn.Id));
            if (isLast)
                return new Asked(null, place.Text, With(full, null), null);

            // 4. the next place, unless it is to end
            turn = await Announce(name, provider, places, cancel);
        }
        return turn.Instead;
    }

    private static IReadOnlyList<LaunchPlace> PlacesOf(LaunchOrder order, Enrollment enrollment)
    {
        var spec = order.Plan.Spec;
        if (spec.Ec2?.Image is not null)
            (spec = spec.Clone()).Image = enrollment.Record.Image;
        return order.Provider!.Places(spec);
    }

    /// <summary>The fact that an attempt started nothing; of one without an id nothing is written.</summary>
    public async Task Refused(CertName name, string? attempt, string why, CancellationToken cancel)
    {
        if (attempt is not null)
            await facts.Write(name, new InstanceFact { Event = InstanceEvents.LaunchRefused + attempt, Detail = why }, cancel);
    }

    public void Dispose()
    {
        foreach (var turns in asking.Values)
            turns.Dispose();
    }

    private Task NoRoom(CertName name, Turn turn, LaunchPlace place, CancellationToken cancel) =>
        facts.Write(name, new InstanceFact { Event = InstanceEvents.LaunchRefused + turn.Id, Place = (uint)turn.Place, Elsewhere = true,
            Detail = $"no room at {place.Text}: nothing was started" }, cancel);

    private async Task<InstanceRecords> Read(CertName name, CancellationToken cancel) =>
        await reader.Read(name, cancel) ?? throw Lookup.Unknown(name);

    private async Task<(Started?, ProviderException?)> Ask(LaunchOrder order, Enrollment enrollment, LaunchPlace place, bool again,
        bool limited, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(limited ? Patience : Timeout.InfiniteTimeSpan, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            using var span = FlowTelemetry.Step(FlowTelemetry.ProviderStart, enrollment.Record.Traceparent, enrollment.Record.Certname);
            CrashPoint.Reach("launch.indexed");
            var started = await order.Provider!.Start(order.Name, place, enrollment.UserData, again, either.Token);
            CrashPoint.Reach("launch.started");
            return (started, null);
        }
        catch (ProviderException e)
        {
            return (null, e);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (null, new ProviderException($"it gave no answer within {Patience.TotalMinutes:0} min"));
        }
    }

    // An attempt whose answer was lost: once it is old enough for the provider to list what it began, a look decides.
    private async Task<Asked?> Settle(CertName name, IProvider provider, IReadOnlyList<LaunchPlace> places, CancellationToken cancel)
    {
        var records = await Read(name, cancel);
        if (places.Count == 1 || !LaunchAttempts.Waits(records))
            return null;
        try
        {
            if (await provider.Find(name, cancel) is { IsGone: false } found)
                return new Asked(new Started(found.InstanceId, Runs: false), "", null, null);
        }
        catch (ProviderException e)
        {
            return new Asked(null, "", e, null);
        }
        if (clock.GetUtcNow() < SettledAt(records, provider))
            return Wait(name, provider, records);
        foreach (var id in LaunchAttempts.Unanswered(records))
            await Refused(name, id, "looked up by its token and mark: nothing was started by it", cancel);
        CrashPoint.Reach("launch.settled");
        return null;
    }

    private static DateTimeOffset SettledAt(InstanceRecords records, IProvider provider) =>
        LaunchAttempts.LastOpen(records) is var last && last < DateTimeOffset.MaxValue - provider.Settling - Margin
            ? last + Margin + provider.Settling : DateTimeOffset.MaxValue;

    // The reconciler asks again, until then and once more.
    private Asked Wait(CertName name, IProvider provider, InstanceRecords records)
    {
        var until = SettledAt(records, provider);
        var when = until == DateTimeOffset.MaxValue ? "it is found" : $"{until:HH:mm:ss'Z'}";
        return Waits(name,
            $"an answer of the provider was lost: until {when} it is looked up whether an instance runs, and no other place is asked before");
    }

    private Asked Waits(CertName name, string sentence)
    {
        timeline.Add("conductor", name, "launch-waits", sentence);
        return new Asked(null, "", new ProviderException(sentence), null) { Waits = true };
    }

    // Only where an answer before it could be taken for an answer to it, or where it may take a while until the provider lists it; and not
    // made once the instance is to end, for its end may have counted the attempts.
    private async Task<Turn> Announce(CertName name, IProvider provider, IReadOnlyList<LaunchPlace> places, CancellationToken cancel)
    {
        var records = await Read(name, cancel);
        if (places.Count == 1 && provider.Settling == TimeSpan.Zero && !LaunchAttempts.Answered(records))
            return new Turn(null, 0);
        var place = LaunchAttempts.Place(records, places.Count);
        if (places.Count > 1 && LaunchAttempts.AreTooMany(records))
            return new Turn(null, place, new Asked(null, "", TooOften(), null));
        var id = LaunchAttempts.Next(records, ids, places.Count);
        await facts.Write(name, new InstanceFact { Event = InstanceEvents.LaunchAttempt + id, Place = (uint)place,
            Detail = places.Count == 1 ? "the provider is asked again" : $"the provider is asked for {places[place].Text}" }, cancel);
        CrashPoint.Reach("launch.attempt");
        records = await Read(name, cancel);
        if (records.Fact(InstanceEvents.Terminating) is not null)
        {
            await Refused(name, id, "the provider was not asked: it is being terminated", cancel);
            return new Turn(id, place, new Asked(null, "", null, null));
        }
        // Two that announce at once see each other: one of them, or both, ask for nothing.
        if (LaunchAttempts.IsAskedElsewhere(records, id, place))
        {
            await Refused(name, id, "the provider was not asked: another attempt is under way at another place", cancel);
            return new Turn(id, place, Waits(name, "another attempt is under way at another place"));
        }
        if (places.Count > 1 && IsLate(LaunchAttempts.AnnouncedAt(records, id)))
        {
            await Refused(name, id, NotInTime, cancel);
            return new Turn(id, place, Waits(name, NotInTime));
        }
        return new Turn(id, place);
    }

    // Its request might be under way later than the proof that it began nothing allows for.
    private bool IsLate(DateTimeOffset announced) => clock.GetUtcNow() - announced >= Margin - Patience;

    private static ProviderException TooOften() => new("it was asked for too often, without room at any place; launch again", final: true);

    private static string CodeOf(ProviderException refusal) => refusal.Code.Length > 0 ? refusal.Code : refusal.Message;

    private static ProviderException With(List<(string Text, ProviderException Why)> full, ProviderException? last)
    {
        if (full.Count == 0)
            return last!;
        var places = string.Join("; ", full.Select(f => $"{f.Text}: {CodeOf(f.Why)}"));
        return last is not null
            ? new ProviderException($"{last.Message} No room before it: {places}", last.Final) { Means = last.Means }
            : new ProviderException($"no place has room now: {places}", full.TrueForAll(f => f.Why.Final)) { Means = NotStarted.Nothing };
    }
}
