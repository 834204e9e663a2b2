using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>One promise of the store, put to the test.</summary>
/// <param name="Name">E.g. "one-winner".</param>
/// <param name="Kept">False: also where an earlier one was broken, so that it could not be tried.</param>
/// <param name="Detail">One sentence: what was seen.</param>
public sealed record ProbedPromise(string Name, bool Kept, string Detail);

/// <summary>
/// Proves that the store keeps the promises everything else rests on: racing creators have one winner, a winner is listed and read back at once,
/// and compare-and-swap refuses a stale or missing version. Several stores in the field fail this (threats §3.7).
/// </summary>
public sealed class StoreProbe(ObjectStore store, Ids ids)
{
    public const string OneWinner = "one-winner", ReadAtOnce = "read-at-once", ListedAtOnce = "listed-at-once",
        ReplacesCurrent = "replaces-current", RefusesStale = "refuses-stale", RefusesMissing = "refuses-missing";

    /// <param name="rounds">Each on a fresh key.</param>
    /// <param name="writers">Racing creators a round.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="FaultException">The first broken promise, by name; or the store does not answer.</exception>
    public async Task Run(int rounds, int writers, CancellationToken cancel)
    {
        for (var round = 0; round < rounds; round++)
        {
            if (Broken(await Round(writers, _ => Task.CompletedTask, cancel)) is { } broken)
                throw new FaultException(FaultKind.Precondition, Reason.StoreUnavailable, broken);
        }
    }

    /// <summary>One round, and what the store says of itself.</summary>
    /// <param name="writers">Racing creators.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="FaultException">The store does not answer.</exception>
    public async Task<(IReadOnlyList<ProbedPromise> Promises, StoreSettings Settings)> Check(int writers, CancellationToken cancel)
    {
        var settings = new StoreSettings(false, "unknown");
        var promises = await Round(writers, async key => settings = await store.Settings(key, cancel), cancel);
        return (promises, settings);
    }

    /// <summary>The first broken promise, in a sentence with the next step; null: all are kept.</summary>
    public string? Broken(IReadOnlyList<ProbedPromise> promises) => promises.FirstOrDefault(p => !p.Kept) is { } broken
        ? $"the object store {store.Name} can't be trusted, it breaks {broken.Name}: {broken.Detail}; use one that keeps it (docs/operations.md)"
        : null;

    private async Task<IReadOnlyList<ProbedPromise>> Round(int writers, Func<string, Task> whileItStands, CancellationToken cancel)
    {
        var key = $"{ObjectKeys.Probes}{ids.Unguessable()}";
        var missing = key + "-none";
        try
        {
            return await Promises(key, missing, writers, whileItStands, cancel);
        }
        finally
        {
            await store.Delete(key, CancellationToken.None);
            await store.Delete(missing, CancellationToken.None); // a careless store made it
        }
    }

    private async Task<IReadOnlyList<ProbedPromise>> Promises(string key, string missing, int writers, Func<string, Task> whileItStands, CancellationToken cancel)
    {
        var seen = new List<ProbedPromise>();
        void Saw(string name, bool kept, string good, string bad) => seen.Add(new(name, kept, kept ? good : bad));

        // 1. racing creators: exactly one winner
        var bodies = Enumerable.Range(0, writers).Select(_ => Encoding.ASCII.GetBytes(ids.Unguessable())).ToArray();
        var outcomes = await Task.WhenAll(bodies.Select(b => store.PutIfAbsent(key, (ReadOnlyMemory<byte>)b, cancel)));
        var winners = outcomes.Count(o => o == PutOutcome.Stored);
        Saw(OneWinner, winners == 1, $"1 of {writers} racing creators was told that it won", $"{winners} of {writers} racing creators were told that they won");

        // 2. the winner's bytes, at once, by get and by list
        var stored = await store.Get(key, cancel);
        var wins = outcomes.Zip(bodies).Where(o => o.First == PutOutcome.Stored).Select(o => o.Second);
        Saw(ReadAtOnce, stored is not null && wins.Any(stored.Body.SequenceEqual), "the winner's bytes are read at once", "the object is not the winner's");
        Saw(ListedAtOnce, await Listed(key, cancel), "a new object is in the listing at once", "a new object is missing from the listing");
        await whileItStands(key);

        // 3. compare-and-swap
        var etag = stored?.ETag ?? "\"none\"";
        var replaced = await store.PutIfMatch(key, Encoding.ASCII.GetBytes("second"), etag, cancel) == PutOutcome.Stored;
        Saw(ReplacesCurrent, replaced, "a write against the current version is taken", "a write against the current version was refused");
        var stale = await store.PutIfMatch(key, Encoding.ASCII.GetBytes("third"), etag, cancel) == PutOutcome.Stored;
        Saw(RefusesStale, replaced && !stale, "a write against a stale version is refused", stale ? "a write against a stale version was taken" : "not tried");
        var made = await store.PutIfMatch(missing, Encoding.ASCII.GetBytes("x"), etag, cancel) == PutOutcome.Stored;
        Saw(RefusesMissing, !made, "a conditional write to a missing object is refused", "a conditional write to a missing object was taken");
        return seen;
    }

    private async Task<bool> Listed(string key, CancellationToken cancel)
    {
        await foreach (var found in store.List(ObjectKeys.Probes, null, cancel))
        {
            if (found == key)
                return true;
        }
        return false;
    }
}
