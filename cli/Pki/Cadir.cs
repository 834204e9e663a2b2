using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Overture.Platform.Records;

namespace Overture.Cli.Pki;

/// <summary>
/// puppetserver's cadir, which belongs to user puppet and is read as root: its files are read once, from the very folder that was opened,
/// and only those that are files there and have no more than a limit. What is a link, a pipe or a device there is not opened for reading.
/// </summary>
public sealed class Cadir : IDisposable
{
    // 64 MiB is more than a million revocations, or half a million lines of the inventory.
    private const int Most = 64 << 20, MostOfASmallOne = 64 << 10;
    // As many certificates are more than a CA of that size lists.
    private const int MostFiles = 1_000_000;

    private readonly Dictionary<string, byte[]> files = new(StringComparer.Ordinal);
    // Of those within that are there, with the names of their files.
    private readonly Dictionary<string, (SafeFileHandle Folder, IReadOnlyList<string> Names)> folders = new(StringComparer.Ordinal);

    private Cadir()
    {
    }

    /// <param name="directory">May itself be a link: a person named it.</param>
    /// <param name="needed">Files that it must have.</param>
    /// <param name="optional">Small files that it may have.</param>
    /// <param name="within">Folders that it may have, of a million files each.</param>
    /// <param name="counted">The same, of which no file is read: what is wrong with one of them is a warning.</param>
    /// <param name="findings">Takes what is wrong.</param>
    /// <returns>Null: there are problems.</returns>
    public static Cadir? Open(string directory, IReadOnlyList<string> needed, IReadOnlyList<string> optional, IReadOnlyList<string> within,
        IReadOnlyList<string> counted, ImportFindings findings)
    {
        ArgumentNullException.ThrowIfNull(needed);
        ArgumentNullException.ThrowIfNull(optional);
        ArgumentNullException.ThrowIfNull(within);
        ArgumentNullException.ThrowIfNull(counted);
        ArgumentNullException.ThrowIfNull(findings);
        var (opened, reason) = OpenFolder(directory, follow: true);
        using var folder = opened;
        if (folder is null)
        {
            foreach (var file in needed)
                findings.Problem(file, reason.Length > 0 ? reason : "is not there");
            return null;
        }
        if (!Directory.Exists(Of(folder)))
        {
            findings.Problem("/proc", "is not mounted here, and what an open folder holds is read by it");
            return null;
        }
        var cadir = new Cadir();
        foreach (var name in within)
        {
            if (cadir.AddFolder(Of(folder), name) is { Length: > 0 } why)
                findings.Problem(name, why);
        }
        foreach (var name in counted)
        {
            if (cadir.AddFolder(Of(folder), name) is { Length: > 0 } why)
                findings.Warn($"{name} {why}: what is in it is not counted");
        }
        foreach (var file in needed.Concat(optional))
        {
            var (bytes, why) = Read(Path.Combine(Of(folder), file), needed.Contains(file) ? Most : MostOfASmallOne);
            if (bytes is not null)
                cadir.files[file] = bytes;
            else if (why.Length > 0 || needed.Contains(file))
                findings.Problem(file, why.Length > 0 ? why : "is not there");
        }
        if (findings.Problems.Count == 0)
            return cadir;
        cadir.Dispose();
        return null;
    }

    public void Dispose()
    {
        foreach (var (folder, _) in folders.Values)
            folder.Dispose();
    }

    /// <summary>A file that was there.</summary>
    public byte[] Bytes(string file) => files[file];

    /// <summary>The same as text; of one that it may have, null where there is none.</summary>
    public string? Find(string file) => files.TryGetValue(file, out var bytes) ? TextOf(bytes) : null;

    public string Text(string file) => TextOf(files[file]);

    /// <summary>
    /// Files of a folder within, those with an extension before the others, else in the order of their names; none where there is no such
    /// folder. Each is read when its turn comes.
    /// </summary>
    /// <returns>Name and text; no text: why it can't be read, as the rest of a sentence.</returns>
    public IEnumerable<(string Name, string? Text, string Why)> Texts(string within, string extension)
    {
        foreach (var name in Names(within).OrderBy(n => Path.GetExtension(n) != extension).ThenBy(n => n, StringComparer.Ordinal))
        {
            var (bytes, why) = Read(Path.Combine(Of(folders[within].Folder), name), MostOfASmallOne);
            yield return (name, bytes is null ? null : TextOf(bytes), why.Length > 0 ? why : "is gone");
        }
    }

    /// <summary>How many files are in a folder within.</summary>
    public int Count(string within) => Names(within).Count;

    private IReadOnlyList<string> Names(string within) => folders.TryGetValue(within, out var found) ? found.Names : [];

    // Why it can't be read; empty also where there is none.
    private string AddFolder(string directory, string name)
    {
        var (found, why) = OpenFolder(Path.Combine(directory, name), follow: false);
        if (found is null)
            return why;
        string[] names = [.. Directory.EnumerateFiles(Of(found)).Take(MostFiles + 1).Select(f => Path.GetFileName(f))];
        if (names.Length > MostFiles)
        {
            found.Dispose();
            return $"has more than {MostFiles} files";
        }
        folders[name] = (found, names);
        return "";
    }

    // Nothing, and no reason: there is none.
    private static (SafeFileHandle? Folder, string Why) OpenFolder(string path, bool follow)
    {
        try
        {
            return (Libc.OpenDirectory(path, follow), "");
        }
        catch (IOException e)
        {
            return (null, e is DirectoryNotFoundException ? "" : Unreadable(path, e));
        }
    }

    // Whatever takes the folder's name meanwhile.
    private static string Of(SafeFileHandle folder) =>
        string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{folder.DangerousGetHandle()}");

    private static (byte[]? Bytes, string Why) Read(string path, int most)
    {
        try
        {
            return Libc.Read(path, most, follow: false) switch
            {
                null => (null, ""),
                { Body: { } body } => (body, ""),
                { Size: < 0 } => (null, "is no regular file"),
                var large => (null, $"has {large.Size} bytes, more than the {most} that are read"),
            };
        }
        catch (IOException e)
        {
            return (null, Unreadable(path, e));
        }
    }

    // Looked at for the sentence alone: the kernel has refused to open it.
    private static string Unreadable(string path, IOException e) => new FileInfo(path).LinkTarget is not null
        ? "is a link, which is not followed" : $"can't be read: {e.Message}";

    // As File.ReadAllText: without a byte order mark.
    private static string TextOf(byte[] bytes)
    {
        using var reader = new StreamReader(new MemoryStream(bytes));
        return reader.ReadToEnd();
    }
}
