using Overture.Platform.Faults;

namespace Overture.Classifier.Documents;

/// <summary>Something as the store had it.</summary>
/// <param name="ReadAt">Timestamp of the reading; not of the wall clock, which may be set back.</param>
/// <param name="At">The same, for users.</param>
internal abstract record Reading(long ReadAt, DateTimeOffset At)
{
    /// <summary>The store does not answer: this is what was known then. Null: it is fresh.</summary>
    public DateTimeOffset? StaleSince { get; init; }

    /// <summary>It was reported as changed: it is read again before the next answer.</summary>
    public bool IsDoubted { get; init; }
}

/// <summary>
/// How old a reading may be that is answered from: as old as the freshness; and, while the store does not answer, as old as the option
/// staleFor. A hook has two seconds, so a store that is silent is not waited for where something is known.
/// </summary>
internal sealed class Freshness(ClassifierOptions options, TimeProvider clock)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(700), Pause = TimeSpan.FromSeconds(1);
    private long? failedAt;

    public bool IsFresh(Reading reading) => !reading.IsDoubted && clock.GetElapsedTime(reading.ReadAt) <= options.Freshness;

    /// <summary>What is known, where it is fresh; else what the store says; else, marked, what is known.</summary>
    /// <param name="known">The last reading; null: none.</param>
    /// <param name="read">Asks the store.</param>
    /// <param name="cancel">The caller hung up.</param>
    /// <exception cref="FaultException">STORE_UNAVAILABLE, and what is known is too old.</exception>
    public async ValueTask<T> Read<T>(T? known, Func<CancellationToken, Task<T>> read, CancellationToken cancel) where T : Reading
    {
        if (known is not null && IsFresh(known))
            return known;
        if (known is null || clock.GetElapsedTime(known.ReadAt) > options.StaleFor)
            return await read(cancel);
        if (!known.IsDoubted && failedAt is { } failed && clock.GetElapsedTime(failed) < Pause)
            return Stale(known);
        using var limit = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            var fresh = await read(either.Token).WaitAsync(either.Token);
            failedAt = null;
            return fresh;
        }
        catch (Exception e) when (e is FaultException { Kind: FaultKind.Unavailable }
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            failedAt = clock.GetTimestamp();
            return Stale(known);
        }
    }

    private static T Stale<T>(T known) where T : Reading => (T)(known with { StaleSince = known.At });
}
