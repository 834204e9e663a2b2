using System.Text;

namespace Overture.TestSupport;

/// <summary>
/// An instance booted as the local provider does it: instance.sh on a directory that holds user-data and meta-data; the real cloud-init,
/// the real agent. Its host name is its instance id: under which name it asks for a certificate only its user data says. It ends with this
/// process.
/// </summary>
public sealed class BootedInstance : IAsyncDisposable
{
    private const int MaxConsole = 64 * 1024;
    private readonly TempDirectory home = new();
    private readonly BoundProcess script;
    private readonly Lazy<Task> end;

    /// <param name="id">Instance id; a host name too.</param>
    /// <param name="userData">Whatever cloud-init reads.</param>
    /// <param name="hide">Absolute directories that are empty inside.</param>
    /// <param name="image">Root of the file system it is a clone of; /: this host.</param>
    /// <param name="network">Commands that furnish a network of its own; null: it has the host's.</param>
    public BootedInstance(string id, byte[] userData, IEnumerable<string> hide, string image = "/", string? network = null)
    {
        Folder = home.File(id);
        Directory.CreateDirectory(Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.WriteAllBytes(Path.Combine(Folder, "user-data"), userData);
        File.WriteAllText(Path.Combine(Folder, "meta-data"), $"instance-id: {id}\nlocal-hostname: {id}\n");
        string[] boot = [RepositoryPaths.File("services/Conductor/Providers/Local/instance.sh"), "run", Folder, id, image, .. hide];
        if (network is not null)
            boot = ["/usr/bin/unshare", "--net", "bash", "-euc", $"{network}\nexec \"$@\"", "bash", .. boot];
        script = new BoundProcess(Path.Combine(Folder, "console.log"), boot[0], boot[1..]);
        end = new Lazy<Task>(Remove);
    }

    /// <summary>All there is of it on the disk.</summary>
    public string Folder { get; }

    public bool HasBegun => Console.Contains("overture: boot started", StringComparison.Ordinal);

    public bool HasEnded => script.HasExited;

    /// <summary>The last 64 KiB of what it printed; empty before and after it lived.</summary>
    public string Console
    {
        get
        {
            try
            {
                var text = File.ReadAllBytes(script.Log);
                return Encoding.UTF8.GetString(text.AsSpan(Math.Max(0, text.Length - MaxConsole)));
            }
            catch (IOException)
            {
                return "";
            }
        }
    }

    /// <summary>A command as its init sees files and host name; while it runs.</summary>
    public Task<Ran> Inside(params string[] command) => InsideInstance.Run(Folder, command);

    /// <summary>Ends its processes, then removes its directory; once.</summary>
    public Task End() => end.Value;

    public async ValueTask DisposeAsync() => await End();

    private async Task Remove()
    {
        await script.DisposeAsync();
        // An instance may have made names that .NET can't delete.
        (await Shell.Run("/bin/rm", "-rf", "--one-file-system", "--", Folder)).Ok();
        home.Dispose();
    }
}
