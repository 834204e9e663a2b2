using System.Text;
using Overture.Platform.Faults;

namespace Overture.Platform.Objects;

/// <summary>
/// Proves at start that the store keeps the promises everything else rests on: racing creators have one winner, a winner is listed and
/// read back at once, and compare-and-swap refuses a stale version. Several stores in the field fail this (threats §3.7).
/// </summary>
public sealed class StoreProbe(ObjectStore store, Records.Ids ids)
{
    /// <param name="rounds">Each on a fresh key.</param>
    /// <param name="writers">Racing creators a round.</param>
    /// <exception cref="FaultException">The first broken promise, by name.</exception>
    public async Task Run(int rounds, int writers, CancellationToken cancel)
    {
        for (var round = 0; round < rounds; round++)
        {
            var key = $"{Records.ObjectKeys.Probes}{ids.Unguessable()}";
            try
            {
                await OneRound(key, writers, cancel);
            }
            finally
            {
                await store.Delete(key, CancellationToken.None);
            }
        }
    }

    private async Task OneRound(string key, int writers, CancellationToken cancel)
    {
        // 1. racing creators: exactly one winner
        var bodies = Enumerable.Range(0, writers).Select(_ => Encoding.ASCII.GetBytes(ids.Unguessable())).ToArray();
        var outcomes = await Task.WhenAll(bodies.Select(b => store.PutIfAbsent(key, (ReadOnlyMemory<byte>)b, cancel)));
        var winners = outcomes.Count(o => o == PutOutcome.Stored);
        Promise(winners == 1, $"{winners} of {writers} racing creators were told they won");

        // 2. the winner's bytes, at once, by get and by list
        var stored = await store.Get(key, cancel);
        var won = bodies[Array.IndexOf(outcomes, PutOutcome.Stored)];
        Promise(stored is not null && stored.Body.AsSpan().SequenceEqual(won), "the object is not the winner's");
        Promise(await Listed(key, cancel), "a new object is missing from the listing");

        // 3. compare-and-swap
        Promise(await store.PutIfMatch(key, Encoding.ASCII.GetBytes("second"), stored!.ETag, cancel) == PutOutcome.Stored, "a write against the current version was refused");
        Promise(await store.PutIfMatch(key, Encoding.ASCII.GetBytes("third"), stored.ETag, cancel) == PutOutcome.Conflict, "a write against a stale version was taken");
        Promise(await store.PutIfMatch(key + "-none", Encoding.ASCII.GetBytes("x"), stored.ETag, cancel) == PutOutcome.Conflict, "a conditional write to a missing object was taken");
    }

    private async Task<bool> Listed(string key, CancellationToken cancel)
    {
        await foreach (var found in store.List(Records.ObjectKeys.Probes, null, cancel))
        {
            if (found == key)
                return true;
        }
        return false;
    }

    private void Promise(bool kept, string broken)
    {
        if (!kept)
            throw new FaultException(FaultKind.Precondition, Records.Reason.StoreUnavailable, $"the object store {store.Name} can't be trusted: {broken}");
    }
}
