using Overture.Conductor.Console;
using Overture.Conductor.Explain;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>docs/causes.md knows every cause, and no other.</summary>
public sealed class CauseDocsTests
{
    [Fact]
    public async Task Causes_AreThoseOfTheDocumentation()
    {
        var documented = (await File.ReadAllTextAsync(RepositoryPaths.File("docs/causes.md"))).Split('\n')
            .Where(l => l.StartsWith("| `", StringComparison.Ordinal))
            .Select(l => l.Split('`')[1]).Distinct().Order(StringComparer.Ordinal);
        var known = RunCauses.All.Concat(ProviderCauses.All).Concat(StalledCauses.All).Select(c =>
            c.Code).Concat(ConsoleFindings.Codes).Distinct()
            .Order(StringComparer.Ordinal);
        Assert.Equal(known, documented);
    }

    [Fact]
    public async Task RefusalCauses_AreReasonsOfTheDocumentation()
    {
        var text = await File.ReadAllTextAsync(RepositoryPaths.File("docs/errors.md"));
        Assert.All(RefusalCauses.Codes, c => Assert.Contains($"| `{c}` |", text, StringComparison.Ordinal));
    }
}
