using System.Reflection;
using System.Text.RegularExpressions;
using Overture.Platform.Faults;
using Overture.Platform.Rpc;
using Overture.Platform.Telemetry;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Rules of the house that a machine can check.</summary>
public sealed class HouseRulesTests
{
    private static readonly List<string> Sources =
        [.. new[] { "services", "cli", "console", "tests", "benchmarks" }
            .SelectMany(d => Directory.EnumerateFiles(RepositoryPaths.File(d), "*.cs", SearchOption.AllDirectories))
            .Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))];

    [Fact]
    public void EveryFile_HasAtMost400Lines() => AssertNone(Sources.Where(f => File.ReadLines(f).Count() > 400));

    [Fact]
    public void EveryFolder_SaysWhatIsInIt() =>
        AssertNone(Sources.Where(f => Regex.IsMatch(f, "/(Utils?|Helpers?|Common|Misc|Managers?|Extensions)(/|\\.cs)")));

    [Fact]
    public void RedisClient_IsNamedInRegistryOnly() =>
        AssertNone(Sources.Where(f => !f.Contains("/Platform/Registry/", StringComparison.Ordinal)
            && Mentions(f, "StackExchange" + ".Redis")));

    [Fact]
    public void RpcException_IsMadeInOnePlaceOnly() =>
        AssertNone(Sources.Where(f => f.Contains("/services/", StringComparison.Ordinal)
            && !f.EndsWith("Rpc/FaultInterceptor.cs", StringComparison.Ordinal) && Mentions(f, "new RpcException")));

    [Fact]
    public void Services_NeverReferenceEachOther()
    {
        foreach (var project in Directory.EnumerateFiles(RepositoryPaths.File("services"), "*.csproj", SearchOption.AllDirectories))
        {
            var referenced = Regex.Matches(File.ReadAllText(project), "ProjectReference Include=\"[^\"]*?([^/\"]+)\\.csproj")
                .Select(m => m.Groups[1].Value);
            Assert.Subset(new HashSet<string> { "Overture.Platform", "Overture.Protos" }, referenced.ToHashSet());
        }
    }

    [Fact]
    public void NoSource_PutsAWorkOff() =>
        AssertNone(Sources.Where(f => Regex.IsMatch(File.ReadAllText(f),
            "Skip ?= ?\"|NotImplemented" + "Exception|Thread\\.Sleep\\(|// ?TO" + "DO")));

    [Fact]
    public void TestProjects_AreInALaneOfTestSh_ForEachKindOfTestTheyHave()
    {
        // KIND/Overture.NAME.Tests, or several names in braces.
        var lanes = Regex.Matches(File.ReadAllText(RepositoryPaths.File("eng/test.sh")), "(\\w+)/Overture\\.\\{?([\\w,]+)\\}?\\.Tests")
            .SelectMany(m => m.Groups[2].Value.Split(',').Select(p => $"{m.Groups[1].Value}/Overture.{p}.Tests")).ToHashSet();
        var wanted = from directory in Directory.EnumerateDirectories(RepositoryPaths.File("tests"), "*.Tests")
                     from file in Directory.EnumerateFiles(directory, "*.cs", SearchOption.AllDirectories)
                     where !file.Contains("/obj/", StringComparison.Ordinal)
                     let text = File.ReadAllText(file)
                     where Regex.IsMatch(text, "^    \\[(Fact|Theory)", RegexOptions.Multiline)
                     from kind in Regex.Matches(text, "Trait\\(\"Category\", \"(\\w+)\"\\)").Select(m => m.Groups[1].Value)
                         .DefaultIfEmpty("unit")
                     select $"{kind}/{Path.GetFileName(directory)}";
        // A part of a class has its kind from the other part.
        AssertNone(wanted.Distinct()
            .Where(lane => !lane.StartsWith("unit/", StringComparison.Ordinal) && !lanes.Contains(lane)));
        AssertNone(new[] { "CertAuthority", "Platform", "Conductor", "Classifier" }
            .Where(p => !lanes.Contains($"unit/Overture.{p}.Tests")));
    }

    [Fact]
    public void ErrorsPage_ListsEveryReasonOnce()
    {
        var listed = Regex.Matches(File.ReadAllText(RepositoryPaths.File("docs/errors.md")), "^\\| `([A-Z_]+)`", RegexOptions.Multiline)
            .Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal);
        Assert.Equal(Enum.GetValues<Reason>().Where(r => r != Reason.None).Select(r => r.Code()).Order(StringComparer.Ordinal), listed);
    }

    [Fact]
    public void TelemetryPage_ListsEverySpan()
    {
        var listed = Regex.Matches(File.ReadAllText(RepositoryPaths.File("docs/telemetry.md")), "^\\| `(overture\\.[a-z_.]+)`",
            RegexOptions.Multiline).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal);
        Assert.Equal(SpansAndMetrics.Select(f => (string)f.GetRawConstantValue()!).Order(StringComparer.Ordinal), listed);
    }

    // With the test above: docs/telemetry.md names what is there, and nothing else is.
    [Fact]
    public void Telemetry_EveryNameIsUsed_AndNoMetricHasAnother()
    {
        var sources = Sources.Where(f => Path.GetFileName(f) != "FlowTelemetry.cs"
            && Regex.IsMatch(Path.GetRelativePath(RepositoryPaths.Root, f), "^(services|console)/")).Select(File.ReadAllText).ToList();
        AssertNone(SpansAndMetrics.Select(f => $"{nameof(FlowTelemetry)}.{f.Name}")
            .Where(n => !sources.Exists(s => Regex.IsMatch(s, $@"{n}\b"))));
        const string Other = @"\.Create(Counter|Histogram|Gauge|UpDownCounter|Observable\w+)(<\w+>)?\((?!\s*FlowTelemetry\.)[^,]*";
        AssertNone(sources.SelectMany(s => Regex.Matches(s, Other).Select(m => m.Value)));
    }

    private static IEnumerable<FieldInfo> SpansAndMetrics => typeof(FlowTelemetry).GetFields()
        .Where(f => f.IsLiteral && f.Name != nameof(FlowTelemetry.SourceName) && !f.Name.EndsWith("Tag", StringComparison.Ordinal));

    private static bool Mentions(string file, string text) => File.ReadAllText(file).Contains(text, StringComparison.Ordinal);

    private static void AssertNone(IEnumerable<string> files) => Assert.Equal("", string.Join('\n', files));
}
