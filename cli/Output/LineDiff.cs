namespace Overture.Cli.Output;

/// <summary>Two texts as one unified diff (POSIX diff -u), all context shown: definitions are short.</summary>
internal static class LineDiff
{
    /// <returns>Nothing where they are the same.</returns>
    public static IEnumerable<string> Of(string beforeName, string before, string afterName, string after)
    {
        if (before == after)
            yield break;
        var (old, now) = (Lines(before), Lines(after));
        yield return $"--- {beforeName}";
        yield return $"+++ {afterName}";
        yield return $"@@ -1,{old.Length} +1,{now.Length} @@";
        var common = Common(old, now);
        var (i, j) = (0, 0);
        while (i < old.Length || j < now.Length)
        {
            if (i < old.Length && j < now.Length && old[i] == now[j])
            {
                yield return $" {old[i]}";
                (i, j) = (i + 1, j + 1);
            }
            else if (j == now.Length || (i < old.Length && common[i + 1, j] >= common[i, j + 1]))
            {
                yield return $"-{old[i++]}";
            }
            else
            {
                yield return $"+{now[j++]}";
            }
        }
    }

    private static string[] Lines(string text) => text.TrimEnd('\n').Split('\n');

    // Length of the longest common part of what follows.
    private static int[,] Common(string[] old, string[] now)
    {
        var lengths = new int[old.Length + 1, now.Length + 1];
        for (var i = old.Length - 1; i >= 0; i--)
        {
            for (var j = now.Length - 1; j >= 0; j--)
                lengths[i, j] = old[i] == now[j] ? lengths[i + 1, j + 1] + 1 : Math.Max(lengths[i + 1, j], lengths[i, j + 1]);
        }
        return lengths;
    }
}
