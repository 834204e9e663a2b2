namespace Overture.Cli.Setup;

/// <summary>The units of systemd: what only these answers need is a drop-in; then all are enabled, started, and waited for.</summary>
internal sealed class SetupUnits(SetupHost host, SetupAnswers answers, TimeProvider clock)
{
    private const string Folder = "/etc/systemd/system", StoreOwner = "root:overture";
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
    private static readonly string[] Services = ["certauthority", "classifier", "conductor", "console"];

    private IReadOnlyList<string> Units =>
        [.. answers.Redis == SetupAnswers.Local ? new[] { "overture-redis.service" } : [], .. Services.Select(s => $"overture-{s}.service"),
            "overture-keys.timer"];

    /// <summary>Before anything is written: the directory of records must be one to give away, new, empty or given already.</summary>
    /// <exception cref="Failure">It is something else.</exception>
    public async Task CheckStore(CancellationToken cancel)
    {
        var store = new DirectoryInfo(host.At(answers.Store));
        if (answers.IsBucket || host.IsImage || (!store.Exists && store.LinkTarget is null))
            return;
        if (store.LinkTarget is not null
            || (store.EnumerateFileSystemInfos().Any() && await host.OwnerOf(answers.Store, cancel) != StoreOwner))
        {
            throw new Failure(ExitCodes.Usage, $"--store: {answers.Store} has something in it, and its owner and mode would be changed",
                $"name a new or empty directory, or give it to the services yourself: chown {StoreOwner} and chmod 2770");
        }
    }

    /// <returns>The files written.</returns>
    public async Task<IReadOnlyList<string>> WriteDropIns(CancellationToken cancel)
    {
        var written = new List<string>();
        void Write(string path, string text)
        {
            if (host.WriteMissing(path, text))
                written.Add(path);
        }

        var local = $"{Folder}/overture-conductor.service.d/local-provider.conf";
        if (answers.Provider == SetupAnswers.Local)
            Write(local, LocalProvider);
        if (!answers.IsBucket)
        {
            await CheckStore(cancel);
            var isNew = !Directory.Exists(host.At(answers.Store));
            Directory.CreateDirectory(host.At(answers.Store));
            // Each service writes there as its own user; the group and the setgid bit make the files common.
            if (isNew || await host.OwnerOf(answers.Store, cancel) != StoreOwner)
                await host.Own(StoreOwner, "2770", cancel, answers.Store);
            foreach (var service in Services.Where(s => s != "console" && answers.Store != $"{SetupHost.Home}/objects"))
            {
                Write($"{Folder}/overture-{service}.service.d/store.conf",
                    $"# Written by overture setup.\n[Service]\nReadWritePaths={answers.Store}\n");
            }
        }
        return written;
    }

    /// <summary>
    /// Restarts a unit where its files are others than at its last start, or that was another's; else it runs on, or is started.
    /// </summary>
    public async Task Start(Action<string> say, CancellationToken cancel)
    {
        var started = new StartedUnits(host);
        await SetupHost.Run("systemctl", ["daemon-reload"], cancel);
        await SetupHost.Run("systemctl", ["enable", "--quiet", .. Units], cancel);
        foreach (var unit in Units)
        {
            var now = started.Now(unit);
            var isCurrent = await started.IsCurrent(unit, now, cancel);
            say(isCurrent ? $"{unit}, as it was started before" : $"starting {unit}");
            // Of Type=notify: it returns once the service listens, or has ended.
            var (code, _, errors) = await SetupHost.Try("systemctl", [isCurrent ? "start" : "restart", unit], cancel);
            if (code != 0)
                throw await Ended(unit, errors, cancel);
            await started.Started(unit, now, cancel);
        }
    }

    /// <param name="ask">Whether all services serve, and what those say that do not.</param>
    /// <param name="say">Progress.</param>
    /// <param name="cancel">Ctrl-C.</param>
    public async Task AwaitReady(Func<Task<string>> ask, Action<string> say, CancellationToken cancel)
    {
        var begun = clock.GetTimestamp();
        var said = "";
        while (await ask() is { Length: > 0 } waiting)
        {
            if (clock.GetElapsedTime(begun) > Limit)
            {
                throw new Failure(ExitCodes.Unavailable, $"not ready within {Limit.TotalMinutes:0} minutes: {waiting}",
                    "journalctl -u 'overture-*' says why; then run overture setup again");
            }
            if (said != waiting)
                say($"waiting: {waiting}");
            said = waiting;
            await Task.Delay(TimeSpan.FromSeconds(1), clock, cancel);
        }
    }

    private static async Task<Failure> Ended(string unit, string errors, CancellationToken cancel)
    {
        var (_, log, _) = await SetupHost.Try("journalctl", ["-u", unit, "-n", "8", "-o", "cat", "--no-pager"], cancel);
        return new Failure(ExitCodes.Failed, $"{unit} did not start: {errors.Trim()}\n{log.TrimEnd()}",
            $"journalctl -u {unit} has more; mend that, then run overture setup again: it goes on");
    }

    // An instance of the local provider is a clone of this host: namespaces, mounts and chroot, as root. It outlives its Conductor.
    private const string LocalProvider = """
        # Written by overture setup, since the provider is local: its instances are namespaces of this host, which takes root.
        # The local provider is no isolation boundary: for trying things out.
        [Service]
        User=root
        SupplementaryGroups=
        SupplementaryGroups=overture
        CapabilityBoundingSet=~
        KillMode=process
        NoNewPrivileges=no
        ProtectSystem=no
        ProtectHome=no
        ProtectProc=default
        ProtectKernelTunables=no
        ProtectKernelModules=no
        ProtectKernelLogs=no
        ProtectControlGroups=no
        ProtectClock=no
        ProtectHostname=no
        PrivateTmp=no
        PrivateDevices=no
        RestrictNamespaces=no
        RestrictSUIDSGID=no
        RestrictRealtime=no
        LockPersonality=no
        RemoveIPC=no
        RestrictAddressFamilies=
        SystemCallFilter=
        SystemCallArchitectures=

        """;
}
