using DiffPlex;

namespace Overture.Cli.Output;

/// <summary>Two texts as one unified diff (POSIX diff -u), all context shown: definitions are short.</summary>
internal static class LineDiff
{
    /// <returns>Nothing where they are the same.</returns>
    public static IEnumerable<string> Of(string beforeName, string before, string afterName, string after)
    {
        if (before == after)
            yield break;
        var diff = Differ.Instance.CreateLineDiffs(before.TrimEnd('\n'), after.TrimEnd('\n'), ignoreWhitespace: false);
        var (old, now) = (diff.PiecesOld, diff.PiecesNew);
        yield return $"--- {beforeName}";
        yield return $"+++ {afterName}";
        yield return $"@@ -1,{old.Count} +1,{now.Count} @@";
        var next = 0;
        foreach (var block in diff.DiffBlocks)
        {
            for (; next < block.DeleteStartA; next++)
                yield return $" {old[next]}";
            for (; next < block.DeleteStartA + block.DeleteCountA; next++)
                yield return $"-{old[next]}";
            for (var i = 0; i < block.InsertCountB; i++)
                yield return $"+{now[block.InsertStartB + i]}";
        }
        for (; next < old.Count; next++)
            yield return $" {old[next]}";
    }
}
