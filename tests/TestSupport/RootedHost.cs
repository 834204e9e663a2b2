using System.Diagnostics;

namespace Overture.TestSupport;

/// <summary>
/// A host of another release on this machine: an overlay over a root file system (<see cref="RootFileSystem"/>), kept in memory, with
/// mounts and processes of its own; the network is this machine's. Its first process is called systemd, as Puppet looks for it. All of it
/// ends with this process, however that ends.
/// </summary>
public sealed class RootedHost : IAsyncDisposable
{
    // $1 = the root, $2 = an empty folder. What has the name systemd waits for the end of standard input, and with it ends everything.
    private const string Script = """
        set -eu
        mount --make-rprivate /
        mount -t tmpfs -o mode=755 none "$2"
        mkdir "$2/upper" "$2/work" "$2/root"
        mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
        cd "$2/root"
        mount -t proc proc proc
        mount --rbind /dev dev
        mount --rbind /sys sys
        printf '#!/bin/bash\necho up\ncat > /dev/null\n' > sbin/systemd
        chmod 755 sbin/systemd
        exec chroot . /sbin/systemd
        """;

    private static readonly string[] Environment = ["HOME=/root", "LANG=C.UTF-8"];
    private readonly TempDirectory place;
    private readonly Process holder;
    private readonly string pid;

    private RootedHost(TempDirectory place, Process holder, string pid) => (this.place, this.holder, this.pid) = (place, holder, pid);

    /// <summary>Where its commands are looked for.</summary>
    public string SearchPath { get; set; } = "/usr/sbin:/usr/bin:/sbin:/bin";

    /// <param name="root">Of <see cref="RootFileSystem.Get"/>; nothing is written there.</param>
    public static async Task<RootedHost> Start(string root)
    {
        var place = new TempDirectory();
        var start = new ProcessStartInfo("unshare",
            ["--mount", "--pid", "--fork", "--kill-child", "bash", "-c", Script, "bash", root, place.Path])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var holder = Process.Start(start)!;
        var errors = holder.StandardError.ReadToEndAsync();
        if (await holder.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)) != "up")
            throw new InvalidOperationException($"the root {root} did not come up: {await errors}");
        var child = await File.ReadAllTextAsync($"/proc/{holder.Id}/task/{holder.Id}/children");
        return new RootedHost(place, holder, child.Trim());
    }

    /// <summary>A path of it as this process reaches it, where no absolute link is on the way.</summary>
    public string Seen(string path) => $"/proc/{pid}/root{path}";

    /// <summary>Whether a file is there and begins like that: for loops, since it starts no process.</summary>
    public async Task<bool> Says(string path, string beginning) =>
        File.Exists(Seen(path)) && (await File.ReadAllTextAsync(Seen(path))).StartsWith(beginning, StringComparison.Ordinal);

    /// <summary>A command as its root user.</summary>
    public Task<Ran> Run(params string[] command) => Run(command, null);

    public Task<Ran> Run(string[] command, string? input, TimeSpan? limit = null) => Shell.Run("nsenter",
        ["--target", pid, "--mount", "--pid", "--root", "--", "env", "-i", "-C", "/", $"PATH={SearchPath}", .. Environment, .. command],
        null, input, limit: limit ?? TimeSpan.FromMinutes(3));

    /// <summary>A script of its shell.</summary>
    public Task<Ran> Sh(string script, params string[] arguments) => Run(["sh", "-euc", script, "sh", .. arguments]);

    /// <summary>A file, also of folders that are not there yet.</summary>
    /// <param name="path">There.</param>
    /// <param name="text">All of it.</param>
    /// <param name="mode">As chmod takes it.</param>
    /// <param name="owner">As chown takes it.</param>
    public async Task Write(string path, string text, string mode = "0644", string owner = "root:root") => (await Run(
        ["sh", "-euc", "mkdir -p \"${1%/*}\"; umask 077; cat > \"$1\"; chown \"$3\" \"$1\"; chmod \"$2\" \"$1\"", "sh", path, mode, owner],
        text)).Ok();

    /// <summary>Files and folders of this machine, copied into a folder there.</summary>
    public async Task Copy(string from, string to) => (await Shell.Run("cp", "-RL", from, Seen(to))).Ok();

    public async Task<string> Read(string path) => (await Run("cat", path)).Ok();

    public async ValueTask DisposeAsync()
    {
        holder.StandardInput.Close();
        await holder.WaitForExitAsync();
        holder.Dispose();
        place.Dispose();
    }
}
