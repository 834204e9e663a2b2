using System.Globalization;

namespace Overture.TestSupport;

/// <summary>Processes of this host that have to do with something: they name it on their command line, or see it mounted.</summary>
public static class HostProcesses
{
    /// <returns>"pid: command line" of each, but this test's own.</returns>
    public static IReadOnlyList<string> With(string text)
    {
        var escaped = text.Replace(" ", "\\040", StringComparison.Ordinal); // as /proc/PID/mountinfo writes a space
        var found = new List<string>();
        foreach (var directory in Directory.GetDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                || pid == Environment.ProcessId)
            {
                continue;
            }
            var commandLine = Read($"{directory}/cmdline").Replace('\0', ' ');
            if (commandLine.Contains(text, StringComparison.Ordinal) || Read($"{directory}/mountinfo")
                .Contains(escaped, StringComparison.Ordinal))
            {
                found.Add($"{pid}: {commandLine}");
            }
        }
        return found;
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return ""; // it has ended meanwhile
        }
    }
}
