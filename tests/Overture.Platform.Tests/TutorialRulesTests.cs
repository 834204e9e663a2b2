using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Pages that tell a reader what to type are run: no command gets into them that no test types.</summary>
public sealed partial class TutorialRulesTests
{
    // A machine of the reader's own, and the run that is up already.
    private static readonly string[] ReadersOwn = ["./run", "systemctl disable --now puppetserver"];

    private static readonly IReadOnlyDictionary<string, string> Pages = new[] { "docs/tutorials", "docs/how-to" }
        .SelectMany(d => Directory.EnumerateFiles(RepositoryPaths.File(d), "*.md"))
        .ToDictionary(f => Path.GetRelativePath(RepositoryPaths.Root, f), File.ReadAllText);

    [Fact]
    public void Commands_OfTutorialsAndHowTos_AreMarkedAsRun() => Assert.Empty(Pages.SelectMany(p => Fence().Matches(p.Value)
        .Where(m => m.Groups["kind"].Value is not ("sh run" or "sh started" or "txt output")
            && !ReadersOwn.Contains(m.Groups["text"].Value.Trim()))
        .Select(m => $"{p.Key}: {m.Groups["text"].Value.Trim()}")));

    [Fact]
    public void Pages_AreEachRunByATest()
    {
        // Of a page for reference, as soon as one of its blocks says that it is run.
        var pages = Pages.Keys.Concat(Directory.EnumerateFiles(RepositoryPaths.File("docs"), "*.md")
            .Where(f => File.ReadAllText(f).Contains("\n```sh run\n", StringComparison.Ordinal))
            .Select(f => Path.GetRelativePath(RepositoryPaths.Root, f)));
        var tests = string.Concat(
            Directory.EnumerateFiles(RepositoryPaths.File("tests/Overture.EndToEnd.Tests"), "*.cs").Select(File.ReadAllText));
        Assert.DoesNotContain(pages, p => !tests.Contains($"\"{p}\"", StringComparison.Ordinal));
    }

    [GeneratedRegex("^```(?<kind>[^\n]*)\n(?<text>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
