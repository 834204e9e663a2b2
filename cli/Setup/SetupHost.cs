using System.Diagnostics;
using Overture.Platform.Records;

namespace Overture.Cli.Setup;

/// <summary>
/// This host, or with a root an image that is being prepared: its files, owners and units. In an image nothing is started.
/// </summary>
/// <param name="root">Empty: this host.</param>
internal sealed class SetupHost(string root)
{
    public const string Etc = "/etc/overture", Home = "/var/lib/overture";

    public bool IsImage => root.Length > 0;

    /// <summary>Where a path of the installed system is, seen from here.</summary>
    public string At(string path) => root + path;

    /// <exception cref="Failure">The command is missing, or ended with another code than 0.</exception>
    public static async Task<string> Run(string file, IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        var (code, output, errors) = await Try(file, arguments, cancel);
        return code == 0 ? output : throw new Failure(ExitCodes.Failed,
            $"{file} {string.Join(' ', arguments)} ended with {code}: {errors.Trim()}",
            "mend that, then run overture setup again: it goes on");
    }

    public static async Task<(int Code, string Output, string Errors)> Try(string file, IReadOnlyList<string> arguments,
        CancellationToken cancel)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new Failure(ExitCodes.Failed, $"can't start {file}: {e.Message}",
                "overture setup needs the package overture-server, and systemd");
        }
        using (process)
        {
            var errors = process.StandardError.ReadToEndAsync(cancel);
            var output = await process.StandardOutput.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            return (process.ExitCode, output, await errors);
        }
    }

    /// <summary>Gives files to a group of the installed system: "root:overture-conductor". In an image, modes alone.</summary>
    public async Task Own(string owner, string mode, CancellationToken cancel, params string[] paths)
    {
        string[] there = [.. paths.Select(At).Where(Path.Exists)];
        if (there.Length == 0)
            return;
        if (!IsImage)
            await Run("chown", ["-h", owner, .. there], cancel);
        await Run("chmod", [mode, .. there], cancel);
    }

    /// <summary>"root:overture" of what is there.</summary>
    public async Task<string> OwnerOf(string path, CancellationToken cancel) =>
        (await Run("stat", ["-c", "%U:%G", At(path)], cancel)).Trim();

    /// <summary>For services to read, whatever the umask of the shell is. A file that is there keeps its owner and mode.</summary>
    /// <returns>Whether it was another text before.</returns>
    public bool Write(string path, string text)
    {
        const UnixFileMode readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        var file = At(path);
        var isThere = File.Exists(file);
        if (isThere && File.ReadAllText(file) == text)
            return false;
        if (isThere)
        {
            File.WriteAllText(file, text);
            return true;
        }
        var folder = Path.GetDirectoryName(file)!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            File.SetUnixFileMode(folder, readable | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        }
        PrivateFile.Write(file, text, readable);
        File.SetUnixFileMode(file, readable);
        return true;
    }

    /// <summary>Once: what a person makes of it is kept.</summary>
    /// <returns>Whether it was missing.</returns>
    public bool WriteMissing(string path, string text) => !File.Exists(At(path)) && Write(path, text);
}
