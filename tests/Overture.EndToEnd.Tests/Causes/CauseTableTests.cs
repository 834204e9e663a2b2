using System.Text.Json.Nodes;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>All causes of the table, made once: side by side what may be, then one by one what breaks the site for all.</summary>
public sealed class SeededFleet : IAsyncLifetime
{
    private const int AtOnce = 4;
    private static readonly TimeSpan Boot = TimeSpan.FromMinutes(5);

    /// <param name="Name">The certname.</param>
    /// <param name="Answer">What explain said.</param>
    /// <param name="Took">From when it could be known.</param>
    public sealed record Outcome(string Name, JsonNode Answer, TimeSpan Took);

    private readonly Dictionary<string, Task<Outcome>> outcomes = [];

    public static IReadOnlyList<SeededCause> Rows { get; } = [.. BootSeeds.All, .. RequestSeeds.All, .. RunSeeds.All, .. HookSeeds.All];

    public CauseSite Site { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Site = await CauseSite.Start();
        using var places = new SemaphoreSlim(AtOnce);
        var made = Rows.Where(r => !r.Alone).Select(r => (Row: r, Made: Make(r, places))).ToList();
        foreach (var (row, task) in made)
            outcomes[row.Id] = Explained(row, task);
        await Task.WhenAll(made.Select(m => m.Made)).ContinueWith(_ => { }, TaskScheduler.Default);
        foreach (var row in Rows.Where(r => r.Alone))
        {
            var task = Make(row, places);
            outcomes[row.Id] = Explained(row, task);
            await Task.WhenAny(task);
        }
        await Task.WhenAll(outcomes.Values).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    public Task<Outcome> Of(string id) => outcomes[id];

    public Task DisposeAsync() => Site.DisposeAsync().AsTask();

    private async Task<string> Make(SeededCause row, SemaphoreSlim places)
    {
        await places.WaitAsync();
        try
        {
            return await row.Make(Site);
        }
        finally
        {
            places.Release();
        }
    }

    // From the moment when a person could know it, as far as that can be seen from outside.
    private async Task<Outcome> Explained(SeededCause row, Task<string> making)
    {
        var name = await making;
        if (row.Console.Length > 0)
        {
            await Eventually.True(() => File.ReadAllText(Site.ConsoleOf(name)).Contains(row.Console, StringComparison.Ordinal),
                $"{row.Id}: the console of {name} shows '{row.Console}'", Boot);
        }
        var (answer, took) = await CauseTable.Ask(() => Site.Explain(name), a => First(a) == row.Reason, row.Known);
        return new(name, answer, took);
    }

    private static string First(JsonNode answer) =>
        answer["causes"]?.AsArray().FirstOrDefault()?["reason"]?.GetValue<string>() ?? "";
}

/// <summary>Every cause that was made for real is named first, with its proof, its own sentence and a next step.</summary>
[Collection(nameof(CauseTableCollection))]
[Trait("Category", "full")]
public sealed class CauseTableTests(SeededFleet fleet)
{
    public static TheoryData<string> Ids => [.. SeededFleet.Rows.Select(r => r.Id)];

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Explain_CauseMadeForReal_IsNamedFirstWithProofAndNextStep(string id)
    {
        var row = SeededFleet.Rows.Single(r => r.Id == id);
        var outcome = await fleet.Of(id);
        var said = outcome.Answer.ToJsonString();
        var cause = outcome.Answer["causes"]?.AsArray().FirstOrDefault();
        Assert.True(cause is not null, said);
        Assert.True(row.Reason == cause["reason"]!.GetValue<string>(), said);
        Assert.Contains(row.Proof, string.Join('\n', cause["proofs"]!.AsArray().Select(p => p!["text"]!.GetValue<string>())),
            StringComparison.OrdinalIgnoreCase);
        var verdict = outcome.Answer["verdict"]!.GetValue<string>();
        Assert.Matches("^It (is not ready|converged, and something is wrong): .+[.!?…]$", verdict);
        Assert.NotEmpty(cause["next"]!.GetValue<string>());
        CauseTable.Named(id, row.Reason, row.Made, "real", verdict, outcome.Took, nameof(CauseTableTests));
    }

    [Fact]
    public async Task Explain_WithoutAName_CountsTheFleetsCausesWorstFirst()
    {
        var ran = await fleet.Site.Overture("instance", "explain", "-o", "json");
        Assert.Equal(1, ran.ExitCode);
        var causes = JsonNode.Parse(ran.Output)!["causes"]!.AsArray();
        // Each instance by its first cause; HIERA was made twice.
        Assert.True(causes.Single(c => c!["reason"]!.GetValue<string>() == "HIERA")!["count"]!.GetValue<int>() >= 2, ran.Output);
        var severities = causes.Select(c => c!["severity"]!.GetValue<string>()).ToList();
        Assert.Equal(severities.OrderBy(s => s == "CONDITION_SEVERITY_ERROR" ? 0 : 1), severities);
        foreach (var reason in new[] { "CLASS_MISSING", "REVOKED", "QUARANTINED", "TOKEN_MISMATCH", "NOOP" })
            Assert.Contains(causes, c => c!["reason"]!.GetValue<string>() == reason);
    }
}

/// <summary>A puppetserver and sixty agents: not beside others.</summary>
[CollectionDefinition(nameof(CauseTableCollection), DisableParallelization = true)]
public sealed class CauseTableCollection : ICollectionFixture<SeededFleet>;
