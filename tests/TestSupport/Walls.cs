using System.Reflection;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using Xunit;
using Assembly = System.Reflection.Assembly;

namespace Overture.TestSupport;

/// <summary>
/// Folders of a project are walls: a folder knows those below it, never one above or beside it. docs/architecture.md shows them.
/// </summary>
public static class Walls
{
    // What protoc makes of protos/ shares the root's name and is another assembly's.
    private const string Contracts = "V1";

    /// <param name="assembly">The project's.</param>
    /// <param name="layers">Its folders, top first; those of one line, separated by spaces, do not know one another.</param>
    public static void Hold(Assembly assembly, params string[] layers)
    {
        var root = assembly.GetName().Name!;
        var level = layers.SelectMany((line, i) => line.Split(' ').Select(folder => (folder, i)))
            .ToDictionary(f => f.folder, f => f.i, StringComparer.Ordinal);
        var arrows = Arrows(assembly, root).ToList();
        Assert.NotEmpty(arrows);
        Assert.Equal(level.Keys.Order(StringComparer.Ordinal), Folders(root));
        var wrong = arrows.Where(a => level[a.From] >= level[a.To]).Select(a => $"{a.From} -> {a.To}: {a.By}").Distinct()
            .Order(StringComparer.Ordinal);
        Assert.Empty(wrong);
    }

    // Files beside the project file (options, log lines, registration) belong to no folder.
    private static IEnumerable<(string From, string To, string By)> Arrows(Assembly assembly, string root) =>
        from type in new ArchLoader().LoadAssemblies(assembly).Build().Types
        let here = Folder(type, root)
        where here.Length > 0
        from dependency in type.Dependencies
        let there = Folder(dependency.Target, root)
        where there.Length > 0 && there != here
        select (here, there, $"{type.Name} knows {dependency.Target.Name}");

    private static string Folder(IType type, string root)
    {
        var name = type.Namespace?.FullName ?? "";
        var folder = name.StartsWith(root + ".", StringComparison.Ordinal) ? name[(root.Length + 1)..].Split('.')[0] : "";
        return folder == Contracts ? "" : folder;
    }

    private static IEnumerable<string> Folders(string root) =>
        Directory.EnumerateDirectories(RepositoryPaths.File(root == "Overture.Console" ? "console" : $"services/{root.Split('.')[^1]}"))
            .Where(d => Directory.EnumerateFiles(d, "*.cs", SearchOption.AllDirectories).Any())
            .Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj")).Order(StringComparer.Ordinal);
}
