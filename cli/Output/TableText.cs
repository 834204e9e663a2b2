namespace Overture.Cli.Output;

/// <summary>Cells that are too wide for a terminal, shortened in the middle: the start and the end of a name tell it from others.</summary>
internal static class TableText
{
    // Less than that says nothing.
    private const int Narrowest = 7;

    /// <param name="widths">Characters of the widest cell of each column.</param>
    /// <param name="room">Characters for all of them together.</param>
    /// <returns>A width for each: the widest give way first, and to the same width.</returns>
    public static int[] Fit(IReadOnlyList<int> widths, int room)
    {
        var fitted = widths.ToArray();
        while (fitted.Sum() > room && fitted.Max() > Narrowest)
        {
            var widest = fitted.Max();
            var next = Math.Max(Narrowest, fitted.Where(w => w < widest).DefaultIfEmpty(0).Max());
            var many = fitted.Count(w => w == widest);
            // Down to the next width at most, and no further than is needed; what does not divide is taken from the last ones.
            var excess = fitted.Sum() - room;
            var step = Math.Min(widest - next, Math.Max(1, excess / many));
            for (var i = fitted.Length - 1; i >= 0 && excess > 0; i--)
            {
                if (fitted[i] != widest)
                    continue;
                fitted[i] -= step;
                excess -= step;
            }
        }
        return fitted;
    }

    /// <returns>At most <paramref name="width"/> characters: "0d5e3f…41c2".</returns>
    public static string Shorten(string text, int width)
    {
        if (text.Length <= width)
            return text;
        var tail = (width - 1) / 2;
        var head = width - 1 - tail;
        // Not through the middle of a character of two units.
        if (head > 0 && char.IsHighSurrogate(text[head - 1]))
            head--;
        if (tail > 0 && char.IsLowSurrogate(text[^tail]))
            tail--;
        return width < 1 ? "" : $"{text[..head]}…{text[^tail..]}";
    }
}
