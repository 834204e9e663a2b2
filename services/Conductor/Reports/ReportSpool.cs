using System.Threading.Channels;
using Overture.Platform.Records;

namespace Overture.Conductor.Reports;

/// <summary>A report that was taken, and its size in bytes.</summary>
internal readonly record struct SpooledReport(string File, long Bytes);

/// <summary>Reports that were taken and are not worked off yet: files in stateDirectory/reports, named in the order they came.</summary>
internal sealed class ReportSpool
{
    private const int MaxWaiting = 5000;
    private const long MaxBytesWaiting = 1L << 30;
    private const string Partial = ".part";
    private readonly string directory;
    private readonly int maxBytes;
    private readonly Ids ids;
    private readonly Channel<SpooledReport> waiting = Channel.CreateUnbounded<SpooledReport>();
    private long bytes;

    public ReportSpool(ConductorOptions options, Ids ids)
    {
        this.ids = ids;
        maxBytes = options.Reports.MaxBytes;
        directory = options.ReportSpool;
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var half in Directory.EnumerateFiles(directory, "*" + Partial))
            File.Delete(half); // never acknowledged
        foreach (var left in Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal))
            Add(left);
    }

    public enum Taken
    {
        Yes,
        TooLarge,
        /// <summary>Thousands wait: the store must be away.</summary>
        Full,
    }

    /// <summary>Files to process, also those of an earlier process. The caller reports each one as done.</summary>
    public ChannelReader<SpooledReport> Waiting => waiting.Reader;

    /// <summary>When it came: by its id, or by its file where a person put it there.</summary>
    public static DateTimeOffset CameAt(SpooledReport report) =>
        Ids.TimeOf(Path.GetFileName(report.File)) ?? File.GetLastWriteTimeUtc(report.File);

    /// <summary>It was worked off, or makes no sense.</summary>
    public void Done(SpooledReport report)
    {
        Interlocked.Add(ref bytes, -report.Bytes);
        File.Delete(report.File);
    }

    public async Task<Taken> Take(Stream body, long? announced, CancellationToken cancel)
    {
        if (announced > maxBytes)
            return Taken.TooLarge;
        if (waiting.Reader.Count >= MaxWaiting || Interlocked.Read(ref bytes) > MaxBytesWaiting)
            return Taken.Full;
        var file = Path.Combine(directory, ids.Ordered());
        try
        {
            await using (var part = new FileStream(file + Partial, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Options = FileOptions.Asynchronous,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                if (!await Copy(body, part, cancel))
                    return Taken.TooLarge;
                part.Flush(flushToDisk: true);
            }
            File.Move(file + Partial, file);
        }
        finally
        {
            File.Delete(file + Partial);
        }
        Add(file);
        return Taken.Yes;
    }

    private void Add(string file)
    {
        var report = new SpooledReport(file, new FileInfo(file).Length);
        Interlocked.Add(ref bytes, report.Bytes);
        waiting.Writer.TryWrite(report);
    }

    private async Task<bool> Copy(Stream body, FileStream part, CancellationToken cancel)
    {
        var buffer = new byte[64 * 1024];
        for (var total = 0L; ;)
        {
            var read = await body.ReadAsync(buffer, cancel);
            if (read == 0)
                return true;
            total += read;
            if (total > maxBytes)
                return false;
            await part.WriteAsync(buffer.AsMemory(0, read), cancel);
        }
    }
}
