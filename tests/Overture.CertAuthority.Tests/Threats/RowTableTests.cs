using System.Reflection;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>Each row T01-T60 of the threat model has a test that carries its id, so that none can get lost.</summary>
public sealed class RowTableTests
{
    // Rows whose test needs another service's house.
    private static readonly Dictionary<string, string> Elsewhere = new()
    {
        ["T25"] = "Overture.Conductor.Tests/UserDataTests.cs",
        ["T26"] = "Overture.Conductor.Tests/UserDataTests.cs",
        ["T30"] = "Overture.Classifier.Tests/NodeCertificateTests.cs",
    };

    public static TheoryData<string> Rows => [.. Enumerable.Range(1, 60).Select(n => $"T{n:D2}")];

    [Theory, MemberData(nameof(Rows))]
    public void Row_OfThePartsAToC_HasATestOfItsName(string row)
    {
        var here = typeof(RowTableTests).Assembly.GetTypes().SelectMany(t => t.GetMethods())
            .Where(m => m.GetCustomAttributes<FactAttribute>().Any()).Select(m => m.Name);
        var there = Elsewhere.TryGetValue(row, out var file)
            ? File.ReadLines(RepositoryPaths.File($"tests/{file}")).Select(l => l.Trim())
            : [];

        var found = here.Where(name => name.StartsWith($"{row}_", StringComparison.Ordinal))
            .Concat(there.Where(
                l => l.StartsWith("public ", StringComparison.Ordinal) && l.Contains($" {row}_", StringComparison.Ordinal)));

        Assert.NotEmpty(found);
    }
}
