using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Overture.Cli.Doctor;

/// <summary>Reads on this host what <see cref="HookRules"/> judge.</summary>
internal static class HookSetupReader
{
    private const string DisabledCa = "certificate-authority-disabled-service/certificate-authority-disabled-service";
    private const int MaxText = 64 * 1024;
    private static readonly string[] Directories = ["/etc/puppetlabs/puppet", "/etc/puppet"];

    /// <summary>puppetserver's own configuration is below Debian's confdir, and beside that of the all-in-one packages.</summary>
    public static readonly string[] ServerDirectories = ["puppetserver", "../puppetserver"];

    /// <param name="directory">Puppet's confdir; null: that of the all-in-one packages, else Debian's.</param>
    /// <param name="user">Who the server runs as.</param>
    /// <exception cref="Failure">There is no puppet.conf.</exception>
    public static HookSetup Read(string? directory, string user)
    {
        var confdir = Path.GetFullPath(directory ?? Directories.FirstOrDefault(d => File.Exists(Path.Combine(d, "puppet.conf")))
            ?? Directories[^1]);
        var file = Path.Combine(confdir, "puppet.conf");
        if (!File.Exists(file))
            throw new Failure(ExitCodes.NotFound, $"there is no {file}", "give its folder: --confdir DIR");
        var conf = PuppetConf.Parse(File.ReadAllText(file), confdir);
        var server = UserOf(user);
        var files = new[] { conf.Of("autosign"), HookSetup.Command(conf.Of("external_nodes")) }.Where(Path.IsPathRooted)
            .Distinct(StringComparer.Ordinal).ToDictionary(p => p, p => FileOf(p, server, "-x"), StringComparer.Ordinal);
        var settings = Path.Combine(confdir, HookSetup.Settings);
        files.TryAdd(settings, FileOf(settings, server, "-r"));
        return new(conf, file, SignsItself(confdir), server, files, Administrators());
    }

    private static bool SignsItself(string confdir) =>
        !ServerDirectories.Select(d => Path.Combine(confdir, d, "services.d/ca.cfg")).Where(File.Exists).Take(1)
            .SelectMany(File.ReadLines).Any(l => l.Trim().EndsWith(DisabledCa, StringComparison.Ordinal) && !l.TrimStart().StartsWith('#'));

    /// <param name="path">Absolute.</param>
    /// <param name="user">Who is to have the right.</param>
    /// <param name="right">As test(1) asks: -x, -r.</param>
    public static HookFile FileOf(string path, ServerUser user, string right)
    {
        var own = FileGuard.PermissionsOf(path);
        var target = own is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        var above = new List<(string, Permissions)>();
        // Of a link, also the way to where it leads.
        foreach (var folder in FoldersAbove(path).Concat(FoldersAbove(target)).Distinct(StringComparer.Ordinal))
        {
            if (FileGuard.PermissionsOf(folder) is { } permissions)
                above.Add((folder, permissions));
        }
        var kind = Directory.Exists(path) ? HookFileKind.Folder : File.Exists(path) ? HookFileKind.Plain : HookFileKind.Missing;
        // Of a program alone: a key's text is nothing that is judged.
        var text = kind == HookFileKind.Plain && right == "-x" ? Beginning(path) : "";
        // Itself no script: the kernel would follow a few of them, and such hooks are not written.
        var interpreter = text.StartsWith("#!", StringComparison.Ordinal) && right == "-x"
            && text.Split('\n')[0][2..].Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries) is [var program, ..]
            && Path.IsPathRooted(program) && program != path ? FileOf(program, user, "-x") : null;
        return new(path, kind, own, above, text, target, kind == HookFileKind.Plain ? Allowed(path, user, right) : null, interpreter);
    }

    // Only root can become the user, and only then the kernel's answer is the one that the server gets.
    private static bool? Allowed(string path, ServerUser user, string right)
    {
        if (!Environment.IsPrivilegedProcess || user.Id is null)
            return null;
        try
        {
            using var asked = Process.Start(new ProcessStartInfo("setpriv", ["--reuid", user.Name, "--regid",
                user.Group.ToString(CultureInfo.InvariantCulture), "--init-groups", "/usr/bin/test", right, path])
            {
                RedirectStandardError = true,
            })!;
            asked.StandardError.ReadToEnd();
            asked.WaitForExit();
            return asked.ExitCode switch { 0 => true, 1 => false, _ => null };
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // no setpriv
        }
    }

    private static IEnumerable<string> FoldersAbove(string path)
    {
        var folders = new Stack<string>();
        for (var at = Path.GetDirectoryName(path); at is not null; at = Path.GetDirectoryName(at))
            folders.Push(at);
        return folders;
    }

    // Latin-1: the bytes of a binary stay what they are.
    private static string Beginning(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var bytes = new byte[MaxText];
            return Encoding.Latin1.GetString(bytes, 0, stream.ReadAtLeast(bytes, MaxText, throwOnEndOfStream: false));
        }
        catch (UnauthorizedAccessException e)
        {
            throw new Failure(ExitCodes.Denied, $"{path} can't be read: {e.Message}", "run it as root");
        }
    }

    // A service's user is a local one.
    private static ServerUser UserOf(string name)
    {
        var groups = new HashSet<uint>();
        var group = 0u;
        uint? id = null;
        foreach (var fields in Rows("/etc/passwd").Where(f => f[0] == name && f.Length > 3))
        {
            id = Number(fields[2]);
            groups.Add(group = Number(fields[3]));
        }
        foreach (var fields in Rows("/etc/group").Where(f => f.Length > 3 && f[3].Split(',').Contains(name)))
            groups.Add(Number(fields[2]));
        return new(name, id, group, groups);
    }

    private static Dictionary<uint, IReadOnlyList<string>> Administrators() => Rows("/etc/group")
        .Where(f => f[0] is "root" or "staff" && f.Length > 3)
        .ToDictionary(f => Number(f[2]), f => (IReadOnlyList<string>)[.. f[3].Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Concat(Rows("/etc/passwd").Where(u => u.Length > 3 && u[3] == f[2]).Select(u => u[0])).Where(n => n != "root").Distinct()]);

    private static IEnumerable<string[]> Rows(string file) => File.ReadLines(file).Select(l => l.Split(':'));

    private static uint Number(string text) => uint.Parse(text, CultureInfo.InvariantCulture);
}
