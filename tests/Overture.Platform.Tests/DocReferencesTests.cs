using Overture.Platform.Records;

namespace Overture.Platform.Tests;

/// <summary>Whatever a comment, test or page cites is in this repository.</summary>
public sealed class DocReferencesTests
{
    private const string Self = $"tests/Overture.Platform.Tests/{nameof(DocReferencesTests)}.cs";
    private static readonly Lazy<DocReferences> All = new(() => new DocReferences());

    private static DocReferences References => All.Value;

    [Fact]
    public void Sources_CiteSectionsRowsIdsAndPagesThatAreThere() =>
        // This file cites what is not there.
        AssertNone(References.Texts.Where(t => t.Key != Self).SelectMany(t => References.Citations(t.Key, t.Value)));

    [Fact]
    public void Pages_LinkToFilesAndHeadingsThatAreThere() =>
        AssertNone(References.Texts.Where(t => Path.GetExtension(t.Key) == ".md").SelectMany(t => References.Links(t.Key, t.Value)));

    [Theory]
    [InlineData(DocReferences.Threats), InlineData(DocReferences.Contracts), InlineData("docs/lessons.md")]
    public void Page_NamesTestsThatAreThere(string page) => AssertNone(References.NamedTests(page, References.Texts[page]));

    [Theory]
    [InlineData('T', 96), InlineData('F', 60), InlineData('I', 14)]
    public void Threats_HaveARowForEachNumber(char kind, int count) =>
        AssertNone(Enumerable.Range(1, count).Select(n => $"{kind}{n:D2}").Where(id => !References.Ids.Contains(id)));

    [Theory]
    [InlineData("// threats §3.99", "§3.99 is no section of docs/threats.md")]
    [InlineData("// RFC 5280 §5.3.1, Threats §9", "§9 is no section of docs/threats.md")]
    [InlineData("// puppet-contracts §1.4-§1.77", "§1.77 is no section of docs/puppet-contracts.md")]
    [InlineData("// written ahead (design §5)", "§5 is no section of any page")]
    [InlineData("// puppet-contracts §10, rows 30-37", "row 37 is no row of docs/puppet-contracts.md")]
    [InlineData("public void Row37_New()", "row 37 is no row of docs/puppet-contracts.md")]
    [InlineData("// (threats T00)", "T00 is no row of docs/threats.md")]
    [InlineData("public void T18_T00_New()", "T00 is no row of docs/threats.md")]
    [InlineData("// F24-F62, I15", "F62 is no row of docs/threats.md", "I15 is no row of docs/threats.md")]
    [InlineData("// docs/nowhere.md says why", "there is no docs/nowhere.md")]
    [InlineData("// see design.md", "there is no design.md")]
    [InlineData("// (docs/decisions/0999)", "there is no docs/decisions/0999")]
    [InlineData("// house style 31, 32", "cites a rule of style by number; CONTRIBUTING.md has none")]
    [InlineData("// RFC 5280 §99, YAML 1.2 (§10.3.2), threats §3.4, F24-F25, puppet-contracts §10, rows 1-3 and 36, docs/flows.md")]
    public void Citations_OfWhatIsNotThere_AreReported(string line, params string[] expected) =>
        Assert.Equal(expected.Select(e => $"a.cs:1: {e}"), References.Citations("a.cs", line));

    [Theory]
    [InlineData("[a](nowhere.md)", "docs/glossary.md: (nowhere.md): there is no docs/nowhere.md")]
    [InlineData("[a](security.md#no-such-heading)",
        "docs/glossary.md: (security.md#no-such-heading): docs/security.md has no such heading")]
    [InlineData("# One\n[a](#two)", "docs/glossary.md: (#two): docs/glossary.md has no such heading")]
    [InlineData("# One\n```\n# two\n```\n[a](#two)", "docs/glossary.md: (#two): docs/glossary.md has no such heading")]
    [InlineData("# One & two: `three.cs`\n## One\n## One\n[a](#one--two-threecs) [b](#one-1) [c](../README.md) [d](https://e.org/x#y)")]
    public void Links_ToWhatIsNotThere_AreReported(string page, params string[] expected) =>
        Assert.Equal(expected, References.Links("docs/glossary.md", page));

    [Theory]
    [InlineData("`T18_NoSuchTest`", "a.md: there is no test T18_NoSuchTest")]
    [InlineData("`NoSuchTests`", "a.md: there is no test NoSuchTests")]
    [InlineData("`DocReferencesTests.Get_Anything_Works`", "a.md: there is no test DocReferencesTests.Get_Anything_Works")]
    [InlineData("`TOKEN_SPENT` `pp_cli_auth` `DocReferencesTests` `DocReferencesTests.Page_NamesTestsThatAreThere`")]
    public void NamedTests_ThatAreNotThere_AreReported(string page, params string[] expected) =>
        Assert.Equal(expected, References.NamedTests("a.md", page));

    // All of them, whole: Assert.Equal would show the first forty characters.
    private static void AssertNone(IEnumerable<string> problems)
    {
        var all = problems.ToList();
        Assert.True(all.Count == 0, string.Join('\n', all));
    }
}
