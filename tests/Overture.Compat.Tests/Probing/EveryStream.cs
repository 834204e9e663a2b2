namespace Overture.Compat.Tests;

/// <summary>Makes one call of each streaming shape.</summary>
internal static class EveryStream
{
    /// <summary>The three results as text; <c>3; 1,2; 4</c> when all went well.</summary>
    public static async Task<string> EveryStreamAsync(this Probe.ProbeClient client)
    {
        using var sum = client.Sum();
        await sum.RequestStream.WriteAsync(new Number { Value = 1 });
        await sum.RequestStream.WriteAsync(new Number { Value = 2 });
        await sum.RequestStream.CompleteAsync();
        var total = (await sum.ResponseAsync).Value;

        using var count = client.Count(new Number { Value = 2 });
        var counted = await count.ResponseStream.ReadAllAsync().Select(number => number.Value).ToListAsync();

        using var twice = client.Double();
        await twice.RequestStream.WriteAsync(new Number { Value = 2 });
        await twice.RequestStream.CompleteAsync();
        var doubled = await twice.ResponseStream.ReadAllAsync().Select(number => number.Value).SingleAsync();

        return $"{total}; {string.Join(',', counted)}; {doubled}";
    }
}
