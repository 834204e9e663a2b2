using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Objects;

/// <summary>One promise of the store, put to the test.</summary>
/// <param name="Name">E.g. "one-winner".</param>
/// <param name="Kept">False: also where an earlier one was broken, so that it could not be tried.</param>
/// <param name="Detail">One sentence: what was seen.</param>
public sealed record ProbedPromise(string Name, bool Kept, string Detail);

/// <summary>What a probe found.</summary>
/// <param name="Promises">Of its last round.</param>
/// <param name="Settings">What the store says of itself.</param>
public sealed record ProbeResult(IReadOnlyList<ProbedPromise> Promises, StoreSettings Settings)
{
    /// <summary>The addresses that it spoke to, in order; empty: the store has none of its own, or a proxy connects.</summary>
    public required IReadOnlyList<string> Addresses { get; init; }

    /// <summary>The form of ETags that all promises were kept with; where one is broken, the one that the store uses.</summary>
    public required ETagForm? Form { get; init; }
}

/// <summary>
/// Proves that the store keeps the promises everything else rests on: racing creators have one winner, a winner is listed and read back at
/// once, compare-and-swap refuses a stale or missing version, and what was deleted can be created again, by each address of the store's
/// name and across them. Several stores in the field fail this (docs/threats.md §3.7). Finds on the way how the server wants versions in
/// If-Match.
/// </summary>
public sealed class StoreProbe(ObjectStore store, Ids ids)
{
    // More addresses than these are probed so many at a time: a round's cost grows with the square of its doors.
    private const int Together = 8;

    public const string OneWinner = "one-winner", ReadAtOnce = "read-at-once", ListedAtOnce = "listed-at-once",
        ReplacesCurrent = "replaces-current", RefusesStale = "refuses-stale", RefusesMissing = "refuses-missing",
        CreatesAgain = "creates-again";

    /// <summary>Sets the store to the form of ETags that all promises were kept with.</summary>
    /// <param name="rounds">Each on a fresh key; so many for each address of the store's name.</param>
    /// <param name="writers">Racing creators a round.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="FaultException">The first broken promise, by name; or the store does not answer.</exception>
    public async Task Run(int rounds, int writers, CancellationToken cancel)
    {
        var seen = await Rounds(rounds, writers, cancel);
        if (Broken(seen.Promises, seen.Settings) is { } broken)
            throw new FaultException(FaultKind.Precondition, Reason.StoreUnavailable, broken);
        store.ETagForm = seen.Form;
    }

    /// <summary>
    /// A round for each address of the store's name, up to one that breaks a promise; changes nothing in the store object.
    /// </summary>
    /// <param name="writers">Racing creators.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="FaultException">The store does not answer.</exception>
    public Task<ProbeResult> Check(int writers, CancellationToken cancel) => Rounds(1, writers, cancel);

    /// <summary>The first broken promise, in a sentence with the next step; null: all are kept.</summary>
    public string? Broken(IReadOnlyList<ProbedPromise> promises, StoreSettings settings) =>
        promises.FirstOrDefault(p => !p.Kept) is not { } broken ? null
        : $"the object store {store.Name} can't be trusted, it breaks {broken.Name}: {broken.Detail}; use one that keeps it"
            // Ceph's object gateway: while it keeps versions it looks at no condition; later a deletion's mark is an object to it.
            + (settings.Versioning is "enabled" or "suspended" ? ", or a bucket whose versioning was never enabled" : "")
            + " (docs/operations.md)";

    // By every address that the store's name has: each front end may keep the promises by itself, and not together with another.
    private async Task<ProbeResult> Rounds(int rounds, int writers, CancellationToken cancel)
    {
        var doors = await store.Doors(cancel);
        try
        {
            StoreSettings? settings = null;
            IReadOnlyList<ProbedPromise> promises = [];
            foreach (var group in Groups(doors))
            {
                for (var round = 0; round < rounds * group.Count && promises.All(p => p.Kept); round++)
                    promises = await Round(group, writers, async key => settings ??= await store.Settings(key, cancel), cancel);
            }
            return new(promises, settings!)
            {
                Addresses = [.. doors.Select(d => d.Address).OfType<string>()],
                Form = promises.All(p => p.Kept) ? doors[0].ETagForm : store.ETagForm,
            };
        }
        finally
        {
            foreach (var door in doors.Where(d => d != store).OfType<IDisposable>())
                door.Dispose();
        }
    }

    // The first is in each: what is atomic together with it has one store with it, and compares ETags in the same form.
    private static IEnumerable<IReadOnlyList<ObjectStore>> Groups(IReadOnlyList<ObjectStore> doors) => doors.Count <= Together
        ? [doors] : doors.Skip(1).Chunk(Together - 1).Select(others => (IReadOnlyList<ObjectStore>)[doors[0], .. others]);

    private async Task<IReadOnlyList<ProbedPromise>> Round(IReadOnlyList<ObjectStore> doors, int writers, Func<string, Task> whileItStands,
        CancellationToken cancel)
    {
        var key = $"{ObjectKeys.Probes}{ids.Unguessable()}";
        var missing = key + "-none";
        var again = key + "-again";
        try
        {
            return await Promises(doors, key, missing, again, writers, whileItStands, cancel);
        }
        finally
        {
            await store.Delete(key, CancellationToken.None);
            await store.Delete(again, CancellationToken.None);
            await store.Delete(missing, CancellationToken.None); // a careless store made it
        }
    }

    private async Task<IReadOnlyList<ProbedPromise>> Promises(
        IReadOnlyList<ObjectStore> doors, string key, string missing, string again, int writers, Func<string, Task> whileItStands,
        CancellationToken cancel)
    {
        var seen = new List<ProbedPromise>();
        void Saw(string name, bool kept, string good, string bad) => seen.Add(new(name, kept, kept ? good : bad));

        // 1. racing creators, two at least by each address: exactly one winner
        var bodies = Bodies(Math.Max(writers, 2 * doors.Count));
        var won = await Race(doors, bodies, (door, body) => door.PutIfAbsent(key, body, cancel));
        Saw(OneWinner, won.Count == 1, $"1 of {bodies.Length} racing creators won{By(doors)}",
            $"{won.Count} of {bodies.Length} racing creators won{By(won.Select(w => doors[w % doors.Count]))}{Apart(won, doors.Count)}");

        // 2. the winner's bytes, at once, by get and by list, at every address
        var unread = await Where(doors, async door => await door.Get(key, cancel) is not { } found
            || !won.Any(w => found.Body.AsSpan().SequenceEqual(bodies[w])));
        Saw(ReadAtOnce, unread.Count == 0, "the winner's bytes are read at once", $"the object is not the winner's{By(unread)}");
        var unlisted = await Where(doors, async door => !await Listed(door, key, cancel));
        Saw(ListedAtOnce, unlisted.Count == 0, "a new object is in the listing at once",
            $"a new object is missing from the listing{By(unlisted)}");
        await whileItStands(key);

        // 3. compare-and-swap, in a form of versions that each address takes: of racing ones the first is taken, all others are stale by
        //    then, as is any later one
        var refusing = await SetForm(doors, key, cancel);
        var etag = (await store.Get(key, cancel))?.ETag ?? "\"none\"";
        var seconds = Bodies(Math.Max(4, doors.Count));
        var replaced = await Race(doors, seconds, (door, body) => door.PutIfMatch(key, body, etag, cancel));
        var old = replaced.Count != 1 ? [] : await Where(doors, async door => await door.Get(key, cancel) is not { } found
            || !found.Body.AsSpan().SequenceEqual(seconds[replaced[0]]));
        Saw(ReplacesCurrent, refusing.Count == 0 && replaced.Count > 0 && old.Count == 0,
            "a write against the current version is taken" + (doors[0].ETagForm == ETagForm.Bare ? ", its ETag sent without quotes" : ""),
            refusing.Count > 0 ? $"a write against the current version was refused{Tried(doors[0])}{By(refusing)}"
                : old.Count > 0 ? $"a replaced object is not read at once{By(old)}" : "a write against the current version was refused");
        var stale = await Where(doors, async door => await door.PutIfMatch(key, Bodies(1)[0], etag, cancel) == PutOutcome.Stored);
        Saw(RefusesStale, replaced.Count == 1 && stale.Count == 0, "a write against a stale version is refused",
            replaced.Count == 0 ? "not tried"
                : $"a write against a stale version was taken{By(stale.Count > 0 ? stale : replaced.Select(r => doors[r % doors.Count]))}"
                    + (stale.Count > 0 ? "" : Apart(replaced, doors.Count)));
        var made = await Where(doors, async door => await door.PutIfMatch(missing, Bodies(1)[0], etag, cancel) == PutOutcome.Stored);
        Saw(RefusesMissing, made.Count == 0, "a conditional write to a missing object is refused",
            $"a conditional write to a missing object was taken{By(made)}");

        // 4. what was deleted is not there, and can be created again: where a server keeps versions, its mark of a deletion is no object.
        //    On a key that nothing was raced for: a write of the races above whose answer was lost may be delivered by now
        await doors[0].PutIfAbsent(again, Bodies(1)[0], cancel);
        var barred = await Where(doors, async door =>
        {
            await door.Delete(again, cancel);
            return await door.PutIfAbsent(again, Bodies(1)[0], cancel) != PutOutcome.Stored;
        });
        Saw(CreatesAgain, barred.Count == 0, "a deleted object can be created again",
            $"a deleted object could not be created again{By(barred)}");
        return seen;
    }

    /// <summary>
    /// Sets all doors to the first form in which each of them takes the current version, what is used until now before others.
    /// </summary>
    /// <returns>Empty; or, where there is no such form, the doors that refused the first one, which stays set.</returns>
    private async Task<IReadOnlyList<ObjectStore>> SetForm(IReadOnlyList<ObjectStore> doors, string key, CancellationToken cancel)
    {
        var used = doors[0].ETagForm;
        ETagForm?[] forms = used is null ? [null] : [used, .. Enum.GetValues<ETagForm>().Where(f => f != used)];
        IReadOnlyList<ObjectStore>? first = null;
        foreach (var form in forms)
        {
            Set(form);
            var refusing = await Where(doors, async door => await door.Get(key, cancel) is not { } now
                || await door.PutIfMatch(key, Bodies(1)[0], now.ETag, cancel) != PutOutcome.Stored);
            if (refusing.Count == 0)
                return [];
            first ??= refusing;
        }
        Set(used);
        return first!;

        void Set(ETagForm? form)
        {
            foreach (var door in doors)
                door.ETagForm = form;
        }
    }

    private static string Tried(ObjectStore door) => door.ETagForm is null ? "" : ", with its ETag in quotes and without them";

    private byte[][] Bodies(int count) => [.. Enumerable.Range(0, count).Select(_ => Encoding.ASCII.GetBytes(ids.Unguessable()))];

    /// <returns>Which of them won by their answer; the n-th came by the n-th door, and round again.</returns>
    private static async Task<IReadOnlyList<int>> Race(
        IReadOnlyList<ObjectStore> doors, byte[][] bodies, Func<ObjectStore, ReadOnlyMemory<byte>, Task<PutOutcome>> put)
    {
        var outcomes = await Task.WhenAll(bodies.Select((body, i) => put(doors[i % doors.Count], body)));
        return [.. Enumerable.Range(0, bodies.Length).Where(i => outcomes[i] == PutOutcome.Stored)];
    }

    private static async Task<IReadOnlyList<ObjectStore>> Where(IReadOnlyList<ObjectStore> doors, Func<ObjectStore, Task<bool>> holds)
    {
        var found = new List<ObjectStore>();
        foreach (var door in doors)
        {
            if (await holds(door))
                found.Add(door);
        }
        return found;
    }

    // Nothing where the store has but one address.
    private string By(IEnumerable<ObjectStore> doors) =>
        doors.Select(d => d.Name).Where(n => n != store.Name).Distinct().Order(StringComparer.Ordinal).ToList() is { Count: > 0 } names
            ? $" ({string.Join(", ", names)})" : "";

    // Where no address let two of its own writers win.
    private static string Apart(IReadOnlyList<int> won, int doors) =>
        won.Count > 1 && won.Select(w => w % doors).Distinct().Count() == won.Count
            ? ": each address keeps its promises with itself alone, or has a store of its own" : "";

    private static async Task<bool> Listed(ObjectStore door, string key, CancellationToken cancel)
    {
        await foreach (var found in door.List(ObjectKeys.Probes, null, cancel))
        {
            if (found == key)
                return true;
        }
        return false;
    }
}
