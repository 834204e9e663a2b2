namespace Overture.TestSupport;

/// <summary>What an act allocates, in a process where other tests allocate meanwhile.</summary>
public static class AllocatedMemory
{
    private const int Tries = 20;

    /// <summary>The act is done until it seems to allocate at most so much, at most 20 times: one that needs more does at each.</summary>
    /// <param name="most">Bytes.</param>
    /// <returns>The least that was seen: bytes.</returns>
    public static async Task<long> Least(long most, Func<Task> act)
    {
        var least = long.MaxValue;
        for (var i = 0; i < Tries && least > most; i++)
        {
            var before = GC.GetTotalAllocatedBytes();
            await act();
            least = Math.Min(least, GC.GetTotalAllocatedBytes() - before);
        }
        return least;
    }
}
