namespace Overture.Platform.Tls;

/// <summary>
/// Subjects of the identity provider who may not act here (openIdConnect.barred). The file is looked at again at each question; while it
/// can't be read, all are barred: what was there may have named anyone.
/// </summary>
public sealed class BarredSubjects(IdentityProviderOptions options)
{
    private const int Largest = 1024 * 1024;
    private volatile Read? last;

    /// <returns>Null: not barred. Else the rest of a sentence that begins with the person.</returns>
    public string? Problem(string subject)
    {
        if (options.Barred.Length == 0)
            return null;
        try
        {
            var stamp = FileStamp.Of(options.Barred);
            if (last is not { } known || known.Stamp != stamp)
                last = known = new Read(stamp, Subjects());
            return known.Subjects.Contains(subject) ? "is barred here (openIdConnect.barred)" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            last = null;
            return "may be barred here: the file openIdConnect.barred can't be read";
        }
    }

    private HashSet<string> Subjects() => new FileInfo(options.Barred).Length > Largest
        ? throw new IOException("larger than 1 MiB")
        : File.ReadLines(options.Barred).Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#').ToHashSet(StringComparer.Ordinal);

    private sealed record Read(long Stamp, HashSet<string> Subjects);
}
