using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>What the report of a Puppet run said.</summary>
public enum RunResult
{
    /// <summary>All of the catalog was applied. Also: no report is known.</summary>
    Good,
    /// <summary>Not all of it.</summary>
    Partial,
    Failed,
}

/// <summary>A node's last report.</summary>
/// <param name="Name">Whose.</param>
/// <param name="At">When it came; whole milliseconds.</param>
/// <param name="Result">What it said.</param>
/// <param name="Sentence">Why it was no good run; empty: it was.</param>
public sealed record ReportedRun(CertName Name, DateTimeOffset At, RunResult Result, string Sentence);

/// <summary>
/// The registry's list of nodes by their last report, and why it was no good one. Written by the Conductor alone. A registry that lost it
/// has it again within a run interval.
/// </summary>
public sealed class LastRuns(RegistryConnection registry, RegistryKeys keys)
{
    // In the sorted set, beside certnames: since when it has been kept.
    private const string Begun = "";

    /// <summary>Notes since when reports are kept, where that is not noted yet.</summary>
    public Task Begin(DateTimeOffset now) =>
        registry.Run(db => db.SortedSetAddAsync(keys.LastRuns, Begun, now.ToUnixTimeMilliseconds(), SortedSetWhen.NotExists));

    public async Task Save(ReportedRun run)
    {
        var field = run.Name.ToString();
        if (run.Result == RunResult.Good)
            await registry.Run(db => db.HashDeleteAsync(keys.BadRuns, field));
        else
            await registry.Run(db => db.HashSetAsync(keys.BadRuns, field, $"{run.Result} {run.Sentence}"));
        await registry.Run(db => db.SortedSetAddAsync(keys.LastRuns, field, run.At.ToUnixTimeMilliseconds()));
    }

    /// <summary>It is over.</summary>
    public async Task Remove(CertName name)
    {
        await registry.Run(db => db.SortedSetRemoveAsync(keys.LastRuns, name.ToString()));
        await registry.Run(db => db.HashDeleteAsync(keys.BadRuns, name.ToString()));
    }

    /// <summary>Since when reports have been kept; null: nothing is kept (any more).</summary>
    public async Task<DateTimeOffset?> Since() =>
        await registry.Run(db => db.SortedSetScoreAsync(keys.LastRuns, Begun)) is { } ms
            ? DateTimeOffset.FromUnixTimeMilliseconds((long)ms) : null;

    /// <summary>Every node's last report that came at or after a moment, in order.</summary>
    public async Task<IReadOnlyList<ReportedRun>> From(DateTimeOffset moment)
    {
        var found = await registry.Run(db => db.SortedSetRangeByScoreWithScoresAsync(keys.LastRuns, moment.ToUnixTimeMilliseconds()));
        var runs = new List<ReportedRun>();
        foreach (var some in found.Where(e => e.Element != Begun).Chunk(1000))
        {
            var bad = await registry.Run(db => db.HashGetAsync(keys.BadRuns, [.. some.Select(e => e.Element)]));
            runs.AddRange(some.Zip(bad).Where(p => CertName.TryParse((string)p.First.Element!, out _, out _))
                .Select(p => Read(p.First, p.Second)));
        }
        return runs;
    }

    private static ReportedRun Read(SortedSetEntry entry, RedisValue bad)
    {
        var parts = ((string?)bad ?? "").Split(' ', 2);
        var result = Enum.TryParse<RunResult>(parts[0], out var read) && Enum.IsDefined(read) ? read : RunResult.Good;
        return new ReportedRun(CertName.Parse((string)entry.Element!),
            DateTimeOffset.FromUnixTimeMilliseconds((long)entry.Score), result, parts is [_, var sentence] ? sentence : "");
    }
}
