using Overture.Platform.Records;

namespace Overture.Platform.Tls;

/// <summary>
/// Subjects of the identity provider who may not act here (openIdConnect.barred). The file is looked at again at each question; while it
/// can't be read, all are barred: what was there may have named anyone.
/// </summary>
public sealed class BarredSubjects(IdentityProviderOptions options, TimeProvider clock)
{
    private const int Largest = 1024 * 1024;

    // A second write within one tick of the file system's clock leaves the stamp as it was.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(2);
    private volatile Read? last;

    /// <returns>Null: not barred. Else the rest of a sentence that begins with the person.</returns>
    public string? Problem(string subject)
    {
        if (options.Barred.Length == 0)
            return null;
        try
        {
            // Before the content, so a write in between is seen at the next question.
            var stamp = Libc.Stamp(options.Barred) ?? throw new FileNotFoundException(options.Barred);
            if (last is not { } known || known.Stamp != stamp || !known.IsSettled)
                last = known = new Read(stamp, Lines(), IsSettled(stamp));
            return known.Bars(subject) ? "is barred here (openIdConnect.barred)" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            last = null;
            return "may be barred here: the file openIdConnect.barred can't be read";
        }
    }

    private bool IsSettled(Records.FileStamp stamp) =>
        clock.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(stamp.ChangedSeconds) > Settled;

    private List<string> Lines() => new FileInfo(options.Barred).Length > Largest
        ? throw new IOException("larger than 1 MiB") : [.. File.ReadLines(options.Barred)];

    // A line may be a subject as the provider has it, as records write it, or the whole name in records, with a remark behind. Where it
    // can be read in several ways all are barred: one that silently bars no one is worse.
    private sealed class Read
    {
        private readonly HashSet<string> plain = new(StringComparer.Ordinal), encoded = new(StringComparer.Ordinal);

        public Read(Records.FileStamp stamp, List<string> lines, bool isSettled)
        {
            (Stamp, IsSettled) = (stamp, isSettled);
            foreach (var line in lines.Where(l => l.Trim().Length > 0))
            {
                plain.Add(line);
                plain.Add(line.Trim());
                var text = Before(Before(line.Trim(), " #"), "\t#").TrimEnd();
                plain.Add(text);
                // "jo_4f1c9a (operator), by console".
                var name = Before(text, " (");
                encoded.Add(name);
                if (SubjectName.SubjectOf(name) is { Length: > 0 } subject)
                    encoded.Add(subject);
            }
        }

        public Records.FileStamp Stamp { get; }

        /// <summary>The file was not written just before it was read.</summary>
        public bool IsSettled { get; }

        public bool Bars(string subject) => plain.Contains(subject) || encoded.Contains(SubjectName.Encode(subject));

        private static string Before(string text, string mark) =>
            text.IndexOf(mark, StringComparison.Ordinal) is > 0 and var at ? text[..at] : text;
    }
}
