using System.Diagnostics;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers.Local;

/// <summary>
/// Instances that are throw-away clones of this host, or of another image: a directory each, and a process in a session of its own that
/// outlives the Conductor. The kernel's lock on the directory, not our memory, ensures that one runs only once.
/// </summary>
internal sealed class LocalProvider : IProvider
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(10), SettleTime = TimeSpan.FromMilliseconds(200),
        EndLimit = TimeSpan.FromSeconds(5);

    // In a session of its own, with the lock in hand. $1 = wrapper, the rest its arguments.
    private const string Detach =
        """umask 077; exec setsid flock --nonblock --no-fork started.lock /bin/sh -c "$@" >> console.log 2>&1 < /dev/null""";

    // Records its identity, then becomes the script. $0 = script, the rest its arguments.
    private const string Wrapper =
        """
        read -r boot < /proc/sys/kernel/random/boot_id; read -r stat < /proc/self/stat
        printf '%s\n%s\n' "$boot" "$stat" > process.new && mv process.new process && exec "$0" "$@"
        """;

    private readonly LocalOptions options;
    private readonly IReadOnlyList<string> hidden;
    private readonly LocalImages images;
    private readonly TimeProvider clock;
    private readonly KeyedLock oneAtATime = new();
    private volatile bool fit;

    public LocalProvider(ConductorOptions options, Ids ids, TimeProvider clock)
    {
        this.options = options.Local;
        this.clock = clock;
        images = new LocalImages(options.Local.Images);
        Directory.CreateDirectory(Root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Account = AccountOf(Path.Combine(Root, "account"), ids);
        hidden = Outermost([.. options.Local.Hide, Root, options.StateDirectory, .. StoreDirectories(options.Bucket)]);
    }

    public string Name => "local";
    public string Account { get; }
    public string Region => "";
    public TimeSpan Settling => TimeSpan.Zero;
    public TimeSpan LookEvery => TimeSpan.FromSeconds(10);

    private string Root => options.Directory;

    public async Task<string?> CheckReady(CancellationToken cancel)
    {
        if (fit)
            return null;
        var unfit = await RunCheck("/", cancel);
        fit = unfit is null;
        return unfit;
    }

    public IEnumerable<FieldProblem> Check(LaunchSpec spec)
    {
        if (images.Find(spec.Image) is null)
            yield return new("image", images.Rule());
        if (spec.Ec2 is not null)
            yield return new("ec2", "must be empty: the provider is local");
    }

    public Task<Rehearsal?> Rehearse(CertName name, LaunchSpec spec, string userData, CancellationToken cancel) =>
        Task.FromResult<Rehearsal?>(null);

    public async Task<Started> Start(CertName name, LaunchSpec spec, string userData, bool again, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        var instance = DirectoryOf(name);
        if (!instance.IsRunning)
        {
            if (spec.Image != LocalImages.Host && await RunCheck(PathOf(spec.Image), cancel) is { } unfit)
                throw new ProviderException(unfit);
            instance.Seed(spec.Image, userData, $"instance-id: {IdOf(name)}\nlocal-hostname: {name}\n");
            await Spawn(name, instance, cancel);
        }
        return new Started(IdOf(name), Runs: true);
    }

    /// <summary>Boots an instance again whose directory is there; nothing when it runs.</summary>
    public async Task<string> Boot(CertName name, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        if (!DirectoryOf(name).IsRunning)
            await Spawn(name, DirectoryOf(name), cancel);
        return IdOf(name);
    }

    public async Task Stop(CertName name, string instanceId, DateTimeOffset since, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        var instance = DirectoryOf(name);
        if (instance.Process is { } process)
        {
            process.AskToEnd();
            if (!await Becomes(() => !process.IsAlive, EndLimit, cancel))
                process.Kill();
            await Becomes(() => !process.IsAlive, EndLimit, cancel);
        }
        if (!await Becomes(() => !instance.IsLocked(), EndLimit, cancel))
            throw new ProviderException($"processes of {name} still hold {instance.Path}");
        await Remove(instance.Path, cancel);
    }

    public Task<Sighting> Look(CertName name, string instanceId, CancellationToken cancel) => Task.FromResult(See(name));

    public Task<IReadOnlyList<Listed>> Inventory(CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<Listed>>([.. Kept().Select(n => new Listed(n.ToString(), See(n), DirectoryOf(n).Since))]);

    public Task<string?> Console(CertName name, string instanceId, CancellationToken cancel) =>
        Task.FromResult(DirectoryOf(name).ConsoleTail());

    /// <summary>Every instance that has a directory here, running or not.</summary>
    public IReadOnlyList<CertName> Kept() =>
    [
        .. Directory.EnumerateDirectories(Root).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .Select(n => CertName.TryParse(n, out var name, out _) ? name : default).Where(n => n != default && DirectoryOf(n).IsSeeded),
    ];

    /// <summary>Only the outermost of directories that lie in one another: an empty one holds nothing that could be hidden again.</summary>
    internal static IReadOnlyList<string> Outermost(IEnumerable<string> directories)
    {
        var all = directories.Select(d => Path.TrimEndingDirectorySeparator(Path.GetFullPath(d))).Where(d => d != "/")
            .Distinct(StringComparer.Ordinal).ToList();
        return all.Where(d => !all.Exists(o => d.StartsWith(o + "/", StringComparison.Ordinal))).ToList();
    }

    // It shares this host's network, loopback included.
    private Sighting See(CertName name) =>
        !Directory.Exists(DirectoryOf(name).Path) ? Sighting.Gone
        : DirectoryOf(name).IsRunning ? new Sighting(Sighting.Running, IdOf(name), ["127.0.0.1", "::1"])
        : new Sighting(Sighting.Stopped, IdOf(name), []) { Why = "its process ended" };

    private static string IdOf(CertName name) => $"local-{name.ToString()[..8]}";

    // A spec was checked, but an image may be taken away at any time.
    private string PathOf(string image) => images.Find(image)
        ?? throw new ProviderException($"there is no image {image}: it {images.Rule()}");

    private InstanceDirectory DirectoryOf(CertName name) => new(Path.Combine(Root, name.ToString()));

    private static IEnumerable<string> StoreDirectories(string bucket) =>
        bucket.StartsWith("file:", StringComparison.Ordinal) ? [bucket["file:".Length..]] : [];

    /// <returns>What this host or that image lacks; null: nothing.</returns>
    private async Task<string?> RunCheck(string image, CancellationToken cancel)
    {
        using var check = new Process { StartInfo = new ProcessStartInfo(options.Script, ["check", image])
            { RedirectStandardError = true, RedirectStandardOutput = true } };
        check.Start();
        var errors = check.StandardError.ReadToEndAsync(cancel);
        await check.StandardOutput.ReadToEndAsync(cancel);
        await check.WaitForExitAsync(cancel);
        return check.ExitCode == 0 ? null : (await errors).Split('\n')[0];
    }

    // The writer of `process` holds started.lock already, and the script after it: a second start ends at once and changes nothing.
    private async Task Spawn(CertName name, InstanceDirectory instance, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = instance.Path, UseShellExecute = false };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        string[] script = [options.Script, "run", instance.Path, name.ToString(), PathOf(instance.Image), .. hidden];
        foreach (var argument in (string[])["-c", Detach, "sh", Wrapper, .. script])
            start.ArgumentList.Add(argument);
        using var child = Process.Start(start) ?? throw new ProviderException("/bin/sh can't be started");

        await Becomes(() => child.HasExited || instance.IsRunning, StartLimit, cancel);
        // An unfit host or a bad argument ends the script at once; so does the lock, when another Conductor was first.
        if (await Becomes(() => child.HasExited, SettleTime, cancel) && !await Becomes(() => instance.IsRunning, SettleTime, cancel))
            throw new ProviderException($"the instance ended at once: {instance.LastWords()}");
    }

    private async Task<bool> Becomes(Func<bool> condition, TimeSpan limit, CancellationToken cancel)
    {
        var begin = clock.GetTimestamp();
        while (!condition())
        {
            if (clock.GetElapsedTime(begin) > limit)
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(20), clock, cancel);
        }
        return true;
    }

    // rm, because an instance may have made file names that are no UTF-8; never across a mount.
    private static async Task Remove(string directory, CancellationToken cancel)
    {
        if (!Directory.Exists(directory))
            return;
        using var rm = Process.Start(new ProcessStartInfo("/bin/rm", ["-rf", "--one-file-system", "--", directory])
            { RedirectStandardError = true })!;
        var errors = await rm.StandardError.ReadToEndAsync(cancel);
        await rm.WaitForExitAsync(cancel);
        if (Directory.Exists(directory))
            throw new ProviderException($"{directory} can't be removed: {errors.Split('\n')[0]}");
    }

    // Names this host's instances; moves with the directory.
    private static string AccountOf(string file, Ids ids)
    {
        if (!File.Exists(file))
        {
            var temporary = file + ".new";
            File.WriteAllText(temporary, ids.Unguessable());
            File.Move(temporary, file, overwrite: true);
        }
        return File.ReadAllText(file).Trim();
    }
}
