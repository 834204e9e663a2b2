namespace Overture.Cli.Pki;

/// <summary>Problems and warnings about a CA that is to be imported; collected, so that all are reported at once.</summary>
public sealed class ImportFindings
{
    private const int Most = 20;
    private readonly List<(string Where, string What)> problems = [];
    private readonly List<string> warnings = [];
    private readonly List<(string Where, string What)> skipped = [];
    private readonly Dictionary<string, int> perFile = new(StringComparer.Ordinal);

    /// <summary>File (and line), and the rule it breaks. Any one of them forbids the import.</summary>
    public IReadOnlyList<(string Where, string What)> Problems => problems;

    public IReadOnlyList<string> Warnings => warnings;

    /// <summary>Files that are not imported, and why.</summary>
    public IReadOnlyList<(string Where, string What)> Skipped => skipped;

    public void Problem(string file, string what, int line = 0)
    {
        var count = perFile[file] = perFile.GetValueOrDefault(file) + 1;
        if (count <= Most)
            problems.Add((line > 0 ? $"{file}:{line}" : file, what));
        else if (count == Most + 1)
            problems.Add((file, $"and more; the first {Most} are listed"));
    }

    public void Warn(string sentence) => warnings.Add(sentence);

    public void Skip(string file, string why) => skipped.Add((file, why));
}
