namespace Overture.Platform.Objects;

/// <summary>Whether a service may give a store its id, and what in its own directories shows that it has worked before.</summary>
/// <param name="Allowed">False: it waits until another service has.</param>
/// <param name="Signs">Files of one directory or of those right below it, by a pattern; one that is not empty is a sign.</param>
public sealed record StoreFounding(bool Allowed, IReadOnlyList<(string Directory, string Pattern)> Signs)
{
    // An empty file may have been made by a start that came no further.
    private static readonly EnumerationOptions OneBelow = new() { RecurseSubdirectories = true, MaxRecursionDepth = 1 };

    /// <summary>May found, and keeps nothing that would speak against it.</summary>
    public static StoreFounding Free { get; } = new(true, []);

    /// <summary>May not.</summary>
    public static StoreFounding Never { get; } = new(false, []);

    /// <returns>A file that shows it; null: none does.</returns>
    public string? Sign() => Signs.Where(s => Directory.Exists(s.Directory))
        .SelectMany(s => new DirectoryInfo(s.Directory).EnumerateFiles(s.Pattern, OneBelow)).FirstOrDefault(f => f.Length > 0)?.FullName;
}
