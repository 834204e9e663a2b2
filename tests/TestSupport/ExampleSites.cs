using Overture.Platform.Faults;
using Overture.Platform.Options;
using Xunit;

namespace Overture.TestSupport;

/// <summary>
/// The option files of examples/sites, by the parser and the rules of the service that each is for. Files that they name are on the host of
/// a site and not here, so that alone is no mistake.
/// </summary>
public static class ExampleSites
{
    private static readonly string[] OfTheHost = ["no such file: ", "no such directory: "];

    /// <summary>examples/sites/NAME/SERVICE.yaml of every site that has one.</summary>
    /// <param name="service">"conductor".</param>
    public static IReadOnlyList<string> Files(string service)
    {
        var files = Directory.EnumerateDirectories(RepositoryPaths.File("examples/sites")).Select(d => Path.Combine(d, $"{service}.yaml"))
            .Where(File.Exists).Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(files);
        return files;
    }

    /// <summary>No key that the service does not know, none that is missing, no value that a rule forbids.</summary>
    /// <param name="service">"conductor".</param>
    /// <param name="rules">As the service itself asks for them.</param>
    public static void AssertRead<T>(string service, Func<T, IEnumerable<FieldProblem>> rules) where T : class, new() =>
        Assert.All(Files(service), file =>
        {
            var problems = new List<string>();
            try
            {
                // Under a name of its own, so that no variable of this shell counts.
                OptionsFile.Load<T>(service + "example", file,
                    options => [.. rules(options).Where(p => !OfTheHost.Any(p.Rule.StartsWith))]);
            }
            catch (FaultException e)
            {
                problems.AddRange(e.Fields.Select(f => $"{f.Field}: {f.Rule}"));
            }
            Assert.True(problems.Count == 0, $"{file}: {string.Join("; ", problems)}");
        });
}
