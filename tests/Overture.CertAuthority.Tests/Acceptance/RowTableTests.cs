using System.Globalization;
using System.Text.RegularExpressions;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Acceptance;

/// <summary>docs/puppet-contracts.md §10 has 36 rows, and each is a test that is named by its number.</summary>
public sealed class RowTableTests
{
    public static TheoryData<int> Rows => [.. Enumerable.Range(1, 36)];

    private static readonly Lazy<IReadOnlySet<int>> Tested =
        new(() => Directory.EnumerateFiles(RepositoryPaths.File("tests"), "*.cs", SearchOption.AllDirectories)
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
        .SelectMany(file =>
            Regex.Matches(File.ReadAllText(file), @"\[(?:Fact|InlineData\(.*\))\]\s+public (?:async )?(?:Task|void) Row(\d\d)_\w+\("))
        .Select(test => int.Parse(test.Groups[1].Value, CultureInfo.InvariantCulture))
        .ToHashSet());

    [Theory, MemberData(nameof(Rows))]
    public void Row_HasATestOfItsName(int row) => Assert.Contains(row, Tested.Value);
}
