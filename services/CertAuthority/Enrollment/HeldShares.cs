
namespace Overture.CertAuthority.Enrollment;

/// <summary>A request that waits: its object, where it came from, and since when.</summary>
internal sealed record HeldPlace(string Key, AddressKey From, DateTimeOffset Since);

/// <summary>
/// Who may wait for a person: each address has a share, and where all places are taken the oldest request of the address that holds most
/// gives way to one that holds less than half as many. So a few addresses can neither fill the queue nor displace the requests of others.
/// Pure.
/// </summary>
internal static class HeldShares
{
    public const int Most = 1_000;

    /// <param name="waiting">What waits now.</param>
    /// <param name="newcomer">Where the next one comes from.</param>
    /// <param name="share">Of one address.</param>
    /// <param name="givesWay">Must go first; null: there is room.</param>
    /// <returns>Null: it may wait. Else why not.</returns>
    public static string? Refusal(IReadOnlyCollection<HeldPlace> waiting, AddressKey newcomer, int share, out HeldPlace? givesWay)
    {
        givesWay = null;
        var own = waiting.Count(h => h.From == newcomer);
        if (own >= share)
            return $"{share} requests from this address wait for a person already; approve or drop some";
        if (waiting.Count < Most)
            return null;
        // Of two that hold as many, the one that began later: a flood comes after what waited before it.
        var greediest = waiting.GroupBy(h => h.From).Select(g => (Count: g.Count(), Oldest: g.MinBy(h => h.Since)!))
            .OrderByDescending(g => g.Count).ThenByDescending(g => g.Oldest.Since).First();
        if (greediest.Count < 2 || own * 2 >= greediest.Count)
            return $"{Most} requests wait for a person already, no address with many more than this one; approve or drop some";
        givesWay = greediest.Oldest;
        return null;
    }
}
