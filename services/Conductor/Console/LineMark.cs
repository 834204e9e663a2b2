namespace Overture.Conductor.Console;

/// <summary>What marks a line: pieces in their order, with * between; upper and lower case are the same. Pure.</summary>
internal static class LineMark
{
    /// <param name="line">Of a console, a log, a report.</param>
    /// <param name="mark">"Failed to start*Puppet agent".</param>
    public static bool IsIn(string line, string mark)
    {
        var at = 0;
        foreach (var piece in mark.Split('*'))
        {
            var found = line.IndexOf(piece, at, StringComparison.OrdinalIgnoreCase);
            if (found < 0)
                return false;
            at = found + piece.Length;
        }
        return true;
    }
}
