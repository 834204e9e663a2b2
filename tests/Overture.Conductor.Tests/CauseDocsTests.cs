using Overture.Conductor.Console;
using Overture.Conductor.Explain;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>docs/causes.md knows every cause, and no other.</summary>
public sealed class CauseDocsTests
{
    // Each table of the page in the order of the code, which is that in which they are looked for, with what explain says.
    [Fact]
    public async Task Tables_AreThoseOfTheCode()
    {
        var documented = (await File.ReadAllTextAsync(RepositoryPaths.File("docs/causes.md"))).Split("\n## ").Skip(1)
            .Select(s => s.Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal))).ToList();
        IEnumerable<(string Code, string Means)>[] known = [Of(RunCauses.All), Of(StalledCauses.All), Of(ProviderCauses.All),
            ConsoleFindings.All];
        Assert.Equal(known.Length, documented.Count);
        Assert.All(known.Zip(documented), t => Assert.Equal(t.First.Select(c => $"| `{c.Code}` | {c.Means} |"), t.Second));

        static IEnumerable<(string, string)> Of(IEnumerable<KnownCause> causes) => causes.Select(c => (c.Code, c.Means));
    }

    [Fact]
    public async Task RefusalCauses_AreReasonsOfTheDocumentation()
    {
        var text = await File.ReadAllTextAsync(RepositoryPaths.File("docs/errors.md"));
        Assert.All(RefusalCauses.Codes, c => Assert.Contains($"| `{c}` |", text, StringComparison.Ordinal));
    }
}
