using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Local;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What every provider must do, so that a launch or a terminate may be repeated at any point.</summary>
public abstract class ProviderSuite
{
    internal abstract IProvider Provider { get; }

    /// <summary>How often this instance was really started.</summary>
    internal abstract int Starts(CertName name);

    [Fact]
    public async Task Start_Twice_SameInstanceStartedOnce()
    {
        var name = TestIds.New().CertName();
        var first = await Start(name);
        Assert.Equal(first, await Start(name));
        Assert.Equal(1, Starts(name));
        Assert.True((await Provider.Look(name, "", default)).State == Sighting.Running);
        await Provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Start_TenAtOnce_StartedOnce()
    {
        var name = TestIds.New().CertName();
        var ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Start(name)));
        Assert.Single(ids.Distinct());
        Assert.Equal(1, Starts(name));
        await Provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Stop_RunningOrNot_ItIsGoneAfterwards()
    {
        var name = TestIds.New().CertName();
        await Provider.Stop(name, "", default, default);
        await Start(name);
        await Provider.Stop(name, "", default, default);
        Assert.False((await Provider.Look(name, "", default)).State == Sighting.Running);
        await Provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Start_TwoNames_AreTwoInstances()
    {
        var (a, b) = (TestIds.New().CertName(), TestIds.New().CertName());
        Assert.NotEqual(await Start(a), await Start(b));
        await Provider.Stop(a, "", default, default);
        Assert.True((await Provider.Look(b, "", default)).State == Sighting.Running);
        await Provider.Stop(b, "", default, default);
    }

    /// <summary>One that this provider launches.</summary>
    internal virtual LaunchSpec Spec => ConductorFixture.Spec();

    private async Task<string> Start(CertName name) =>
        (await Provider.Start(name, Spec, "#cloud-config\n", again: true, default)).InstanceId;
}

public sealed class FakeProviderTests : ProviderSuite
{
    private readonly FakeProvider provider = new();

    internal override IProvider Provider => provider;

    internal override int Starts(CertName name) => provider.Starts[name];
}

/// <summary>The local provider with a script that only pretends: locks, console and signals are as the real one's.</summary>
[Trait("Category", "integration")]
public sealed class LocalProviderTests : ProviderSuite, IDisposable
{
    private readonly TempDirectory data = new();
    private readonly LocalProvider provider;

    public LocalProviderTests() => provider = NewProvider();

    internal override IProvider Provider => provider;

    internal override int Starts(CertName name) => File.ReadAllLines(data.File($"instances/{name}/starts")).Length;

    [Fact]
    public async Task Start_Instance_SeedIsPrivateAndNamesIt()
    {
        var name = TestIds.New().CertName();
        await provider.Start(name, ConductorFixture.Spec(), "#cloud-config\nsecret: x\n", again: true, default);
        var directory = data.File($"instances/{name}");
        Assert.Equal("#cloud-config\nsecret: x\n", await File.ReadAllTextAsync($"{directory}/user-data"));
        Assert.Equal($"instance-id: local-{name.ToString()[..8]}\nlocal-hostname: {name}\n",
            await File.ReadAllTextAsync($"{directory}/meta-data"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(directory));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"{directory}/user-data"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"{directory}/meta-data"));
        var arguments = await File.ReadAllTextAsync($"{directory}/arguments");
        Assert.Equal($"run {directory} {name} / /hidden/a {data.File("instances")} {data.File("state")} {data.File("objects")}\n",
            arguments);
        await provider.Stop(name, "", default, default);
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public async Task Instance_ConductorGone_IsFoundByTheNextOne()
    {
        var name = TestIds.New().CertName();
        await provider.Start(name, ConductorFixture.Spec(), "", again: true, default);
        var next = NewProvider();
        Assert.Equal(provider.Account, next.Account);
        Assert.True((await next.Look(name, "", default)).State == Sighting.Running);
        Assert.Equal([name], next.Kept());
        await next.Start(name, ConductorFixture.Spec(), "", again: true, default);
        Assert.Equal(1, Starts(name));
        await next.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Start_ProcessFileLost_TheLockStillForbidsASecond()
    {
        var name = TestIds.New().CertName();
        await provider.Start(name, ConductorFixture.Spec(), "", again: true, default);
        var file = data.File($"instances/{name}/process");
        var written = await File.ReadAllTextAsync(file);
        File.Delete(file);
        await Assert.ThrowsAsync<ProviderException>(() => provider.Start(name, ConductorFixture.Spec(), "", again: true, default));
        Assert.Equal(1, Starts(name));
        await File.WriteAllTextAsync(file, written);
        await provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Instance_Killed_IsNotRunningAndBootsAgainOnTheSameSeed()
    {
        var name = TestIds.New().CertName();
        await provider.Start(name, ConductorFixture.Spec(), "#cloud-config\n", again: true, default);
        var directory = new InstanceDirectory(data.File($"instances/{name}"));
        directory.Process!.Kill();
        await Eventually.True(() => !directory.IsRunning, "it is dead");
        await Eventually.True(() => !directory.IsLocked(), "nothing of it is left");
        await provider.Boot(name, default);
        Assert.True((await provider.Look(name, "", default)).State == Sighting.Running);
        Assert.Equal(2, Starts(name));
        await provider.Stop(name, "", default, default);
    }

    [Fact]
    public async Task Stop_InstanceThatIgnoresTerm_IsKilled()
    {
        var name = TestIds.New().CertName();
        await provider.Start(name, ConductorFixture.Spec(), "stubborn\n", again: true, default);
        await provider.Stop(name, "", default, default);
        Assert.False(Directory.Exists(data.File($"instances/{name}")));
    }

    [Fact]
    public async Task Start_ScriptFailsAtOnce_TellsItsLastWords()
    {
        var name = TestIds.New().CertName();
        var failed = await Assert.ThrowsAsync<ProviderException>(() =>
            provider.Start(name, ConductorFixture.Spec(), "broken\n", again: true, default));
        Assert.Contains("no such kernel", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unfit_ScriptSaysWhy_IsItsOneLine()
    {
        Assert.Null(await provider.CheckReady(default));
        var unfit = NewProvider("#!/bin/sh\necho 'local instances need root' >&2\nexit 1\n");
        Assert.Equal("local instances need root", await unfit.CheckReady(default));
    }

    [Theory]
    [InlineData("boot\n123 (sh) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n", 123, 4711)]
    [InlineData("boot\n123 (a ) (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20\n", 123, 4711)]
    public void Parse_StatLine_FindsPidAndStartWhateverTheName(string text, int pid, long start) =>
        Assert.Equal(new InstanceProcess(pid, start, "boot"), InstanceProcess.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("boot")]
    [InlineData("boot\n123 (sh) S")]
    [InlineData("boot\n123 sh S 1 2 3")]
    public void Parse_Garbage_IsNothing(string text) => Assert.Null(InstanceProcess.Parse(text));

    [Fact]
    public async Task IsAlive_PidGivenOutAgain_IsNotTheInstance()
    {
        var own = (await File.ReadAllTextAsync("/proc/self/stat")).Split('\n')[0];
        var boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id")).Trim();
        var me = InstanceProcess.Parse($"{boot}\n{own}\n")!;
        Assert.True(me.IsAlive);
        Assert.False((me with { StartTicks = me.StartTicks - 1 }).IsAlive);
        Assert.False((me with { BootId = "another" }).IsAlive);
    }

    [Fact]
    public void Outermost_NestedDirectories_OnlyTheOuterOnesStay() => Assert.Equal(
        ["/a", "/b/c", "/ab"], LocalProvider.Outermost(["/a", "/a/b", "/b/c/", "/b/c/d", "/ab", "/a", "/"]));

    public void Dispose() => data.Dispose();

    // Its arguments are written down, its lock is held as the real script holds it.
    internal const string Script =
        """
        #!/bin/bash
        [ "$1" = check ] && exit 0
        printf '%s\n' "$*" > "$2/arguments"
        if grep -qs broken "$2/user-data"; then echo 'no such kernel'; exit 1; fi
        exec 9> "$2/lock"
        flock 9
        echo started >> "$2/starts"
        if grep -qs stubborn "$2/user-data"; then trap '' TERM; fi
        while :; do sleep 0.1; done

        """;

    private LocalProvider NewProvider(string script = Script)
    {
        var file = data.File(TestIds.New().Unguessable());
        File.WriteAllText(file, script);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new LocalProvider(new ConductorOptions
        {
            Bucket = "file:" + data.File("objects"),
            StateDirectory = data.File("state"),
            Local = new LocalOptions { Script = file, Directory = data.File("instances"), Hide = ["/hidden/a", "/hidden/a/b"] },
        }, TestIds.New(), TimeProvider.System);
    }
}
