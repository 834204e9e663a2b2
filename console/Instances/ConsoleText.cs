using System.Text.RegularExpressions;

namespace Overture.Console.Instances;

/// <summary>What an instance printed, as text of a page. Pure.</summary>
internal static partial class ConsoleText
{
    /// <summary>Without the sequences that color a terminal, and other control characters.</summary>
    public static string Plain(string text) =>
        new([.. Colors().Replace(text, "").Where(c => c is '\n' or '\t' || !char.IsControl(c))]);

    /// <summary>The last lines that have something in them.</summary>
    public static string End(string text, int lines) =>
        string.Join('\n', Plain(text).Split('\n').Where(l => !string.IsNullOrWhiteSpace(l)).TakeLast(lines));

    [GeneratedRegex("\u001b\\[[0-9;?]*[ -/]*[@-~]")]
    private static partial Regex Colors();
}
