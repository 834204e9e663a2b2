using System.Text;

namespace Overture.Platform.Certificates;

/// <summary>
/// What in a puppetserver's configuration directory would sign strangers: the setting autosign, and the list that counts without it.
/// </summary>
public static class AutosignSetting
{
    private const string List = "autosign.conf", Settings = "puppet.conf";
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    // A list of names is small; whatever is larger is read as far as this.
    private const int MaxBytes = 256 * 1024;

    /// <param name="directory">Puppet's confdir, e.g. /etc/puppet.</param>
    /// <returns>A sentence each, with the next step; none: nothing there signs every request.</returns>
    /// <exception cref="IOException">A file is there and can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public static IReadOnlyList<string> Findings(string directory)
    {
        var found = new List<string>();
        var list = Path.Combine(directory, List);
        if (File.Exists(list) && AutosignList.LinesForAll(Read(list)) is [var first, ..])
            found.Add($"{list}:{first} signs every request where puppet.conf does not set autosign: remove the line");
        var settings = Path.Combine(directory, Settings);
        foreach (var (value, line) in File.Exists(settings) ? Values(Read(settings)) : [])
        {
            if (value == "true")
                found.Add($"{settings}:{line} autosign = true signs every request: name overture-autosign instead");
            else if (Path.IsPathRooted(value) && value != list && File.Exists(value))
                found.AddRange(Of(value, $"{settings}:{line}"));
        }
        return found;
    }

    private static IEnumerable<string> Of(string file, string place)
    {
        var forAll = AutosignList.LinesForAll(Read(file));
        if ((File.GetUnixFileMode(file) & Executable) == 0)
        {
            yield return forAll.Count > 0
                ? $"{place} names {file}, which is not executable: its line {forAll[0]} signs every request. Next: overture hook "
                    + $"install {file}"
                : AutosignList.LinesForSome(Read(file)) is [var (number, some), ..]
                ? $"{place} names {file}, which is not executable: its line {number} signs '{some}'. Next: overture hook install {file}"
                : $"{place} names {file}, which is not executable, so it signs nothing. Next: chmod 0755 {file}";
        }
        else if (forAll.Count > 0)
        {
            yield return $"{place} names {file}, whose line {forAll[0]} would sign every request if it lost its x bit. Next: overture "
                + $"hook install {file}";
        }
        else if (new FileInfo(file).Length == 0)
        {
            yield return $"{place} names {file}, which is empty: a shell that runs it says yes to every request. Next: overture hook "
                + $"install {file}";
        }
    }

    // The last one of a section counts in Puppet, and which section does depends on the command: all are looked at.
    private static IEnumerable<(string Value, int Line)> Values(string text)
    {
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            if (line.Split('=', 2) is [var name, var value] && name.Trim() == "autosign")
                yield return (value.Trim(), number);
        }
    }

    // Latin-1: the bytes of a binary stay what they are.
    private static string Read(string file)
    {
        using var stream = File.OpenRead(file);
        var bytes = new byte[MaxBytes];
        return Encoding.Latin1.GetString(bytes, 0, stream.ReadAtLeast(bytes, MaxBytes, throwOnEndOfStream: false));
    }
}
