namespace Overture.Platform.Connections;

/// <summary>
/// How many connections a process can hold at all. At the limit of files the runtime itself ends the process ("Out of memory.": it can't
/// read how much there is), and every connection costs memory before its owner is known. Pure.
/// </summary>
internal static class ConnectionBudget
{
    /// <summary>For the store, Redis, logs, certificates and the runtime; a tenth where that is more.</summary>
    public const int ReservedFiles = 512;

    /// <summary>
    /// Measured: an idle TLS connection costs about 50 KiB. One whose buffers are all full has 100 KiB more, and those are few.
    /// </summary>
    public const int BytesEach = 64 * 1024;

    /// <param name="files">RLIMIT_NOFILE.</param>
    /// <param name="memory">Bytes that the process may have; connections get half.</param>
    public static long Most(long files, long memory) =>
        Math.Max(0, Math.Min(files - Math.Max(ReservedFiles, files / 10), memory / 2 / BytesEach));

    /// <summary>The limits that fit, in the same order and proportion; the very same where all do.</summary>
    /// <exception cref="InvalidOperationException">Not even the fewest fit; says what to set.</exception>
    public static IReadOnlyList<ListenerLimits> Fit(IReadOnlyList<ListenerLimits> wanted, long files, long memory)
    {
        var (sum, most) = (wanted.Sum(w => (long)w.Connections), Most(files, memory));
        if (sum <= most)
            return wanted;
        var least = (long)wanted.Count * ListenerLimits.FewestConnections;
        if (most < least)
        {
            throw new InvalidOperationException(
                $"{wanted.Count} listeners need at least {least} connections, and there is room for {most}: set the limit of open files "
                    + $"(LimitNOFILE, ulimit -n) to {least + ReservedFiles} or more (it is {files}), and of memory to "
                    + $"{least * 2 * BytesEach / (1024 * 1024) + 1} MiB or more (it is {memory / (1024 * 1024)} MiB)");
        }
        // Each has its fewest; what is left goes by what was wanted beyond.
        var share = (most - least) / (double)(sum - least);
        return [.. wanted.Select(w => Lowered(w,
            ListenerLimits.FewestConnections + (int)((w.Connections - ListenerLimits.FewestConnections) * share)))];
    }

    private static ListenerLimits Lowered(ListenerLimits wanted, int connections)
    {
        int Scaled(int count) => Math.Max(ListenerLimits.FewestPerAddress, (int)((long)count * connections / wanted.Connections));
        return wanted with { Connections = connections, PerAddress = Scaled(wanted.PerAddress),
            UnfinishedPerAddress = Scaled(wanted.UnfinishedPerAddress) };
    }
}

/// <summary>What this process may have.</summary>
internal static class ProcessLimits
{
    /// <summary>Files it may have open; the runtime has raised it to the hard limit.</summary>
    public static long Files()
    {
        const string Row = "Max open files";
        var line = File.Exists("/proc/self/limits") ? File.ReadLines("/proc/self/limits")
            .FirstOrDefault(l => l.StartsWith(Row, StringComparison.Ordinal)) : null;
        return line is not null && long.TryParse(line[Row.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], out var files)
            ? files : long.MaxValue;
    }

    /// <summary>DOTNET_GCHeapHardLimit, or what the runtime takes of the container's limit, or what the host has.</summary>
    public static long Memory() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes is > 0 and var bytes ? bytes : long.MaxValue;
}
