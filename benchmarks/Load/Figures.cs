using System.Globalization;
using System.Text.RegularExpressions;

namespace Overture.Load;

/// <summary>What the parts of one benchmark printed, a file each in a folder: numbers, and lines of name=number.</summary>
internal sealed partial class Figures(string folder)
{
    /// <summary>A file's text as it was printed, less the line's end.</summary>
    public string Text(string name) => File.ReadAllText(Path.Combine(folder, name)).TrimEnd('\n');

    public bool Has(string name) => File.Exists(Path.Combine(folder, name));

    /// <summary>The file that is one number.</summary>
    public double Number(string name) => Parsed(name, Text(name));

    /// <summary>The number behind `key=` in a file.</summary>
    public double Of(string name, string key) => In(Text(name), name, key);

    /// <summary>The same in the line that begins with `line:`.</summary>
    public double Of(string name, string line, string key) => In(
        Text(name).Split('\n').FirstOrDefault(l => l.StartsWith($"{line}:", StringComparison.Ordinal)) ?? "", name, key);

    private static double In(string text, string name, string key)
    {
        var found = Pairs().Matches(text).FirstOrDefault(m => m.Groups[1].Value == key)
            ?? throw new InvalidDataException($"{name} has no {key}: {text}");
        return Parsed(name, found.Groups[2].Value);
    }

    /// <summary>The file of one number a line: the one that a share of them is not above, e.g. 0.5 for the median.</summary>
    public double Percentile(string name, double share)
    {
        var sorted = Text(name).Split('\n').Select(line => Parsed(name, line)).Order().ToList();
        return sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];
    }

    private static double Parsed(string name, string text) => double.TryParse(text, CultureInfo.InvariantCulture, out var number)
        ? number : throw new InvalidDataException($"{name} is no number: {text}");

    [GeneratedRegex(@"(\w+)=([0-9.]+)")]
    private static partial Regex Pairs();
}
