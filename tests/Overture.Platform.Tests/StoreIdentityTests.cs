using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>A service and the store that it began with.</summary>
public sealed class StoreIdentityTests : IDisposable
{
    private readonly TempDirectory home = new();
    private readonly RecordedLog log = new();

    private string Bucket => home.File("objects");

    public void Dispose() => home.Dispose();

    [Fact]
    public async Task Point20_Start_SeveralServicesAtOnce_KeepOneId()
    {
        var states = Enumerable.Range(0, 8).Select(i => home.File($"state-{i}")).ToList();

        await Task.WhenAll(states.Select(async state =>
        {
            using var identity = New(state);
            await identity.StartAsync(default);
        }));

        var id = Assert.Single(states.Select(s => File.ReadAllText(Path.Combine(s, StoreIdentity.FileName))).Distinct());
        Assert.True(id.Trim().Length >= 20);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(states[0], StoreIdentity.FileName)));
    }

    [Theory]
    [InlineData("gone"), InlineData("another"), InlineData("damaged")]
    public async Task Point20_StoreReplacedWhileRunning_NothingIsReadOrWrittenUntilItIsBack(string how)
    {
        using var identity = New(home.File("state"));
        var store = new IdentifiedStore(identity);
        await store.PutIfAbsent("nodes/a", Bytes("x"), default);
        var away = Bucket + ".away";
        Directory.Move(Bucket, away);
        DirectoryStore.At(Bucket);
        if (how == "another")
        {
            using var stranger = New(home.File("elsewhere"));
            await stranger.StartAsync(default);
        }
        if (how == "damaged")
            await DirectoryStore.At(Bucket).PutIfAbsent(ObjectKeys.StoreId, Bytes("{"), default);

        foreach (var use in new Func<Task>[]
        {
            () => store.PutIfAbsent("nodes/b", Bytes("x"), default), () => store.PutIfMatch("nodes/a", Bytes("x"), "e", default),
            () => store.Get("nodes/a", default),
            () => store.GetUnless("nodes/a", "", default), () => store.Any("nodes/", default), () => store.Delete("nodes/a", default),
            () => store.Settings("nodes/a", default),
        })
        {
            Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(use)).Kind);
        }
        Assert.Contains("Next: ", await identity.Wrong(default), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Bucket, "nodes")));
        using (var restarted = New(home.File("state")))
            await Assert.ThrowsAsync<FaultException>(() => restarted.StartAsync(default));

        Directory.Delete(Bucket, recursive: true);
        Directory.Move(away, Bucket);
        Assert.NotNull(await store.Get("nodes/a", default));
        Assert.Null(await identity.Wrong(default));
        // Said once by each, not at each use.
        Assert.Equal((2, 1), (Count("Critical store.another"), Count("Warning store.back")));
    }

    // As cheap as a look is: every way in which the file under the same path can be another is seen by the next read.
    [Theory]
    [InlineData("written in place"), InlineData("replaced, same size and time"), InlineData("removed")]
    public async Task Point20_IdChangedBelowARunningService_IsSeenByTheNextRead(string how)
    {
        using var identity = New(home.File("state"));
        var store = new IdentifiedStore(identity);
        await store.PutIfAbsent("nodes/a", Bytes("x"), default);
        Assert.NotNull(await store.Get("nodes/a", default));
        var file = Path.Combine(Bucket, ObjectKeys.StoreId);
        var (before, time) = (await File.ReadAllBytesAsync(file), File.GetLastWriteTimeUtc(file));
        var another = System.Text.Encoding.UTF8.GetString(before).ToCharArray();
        // The last character of the id itself, so that only the id differs.
        var id = File.ReadAllText(Path.Combine(home.File("state"), StoreIdentity.FileName)).Trim();
        var at = new string(another).IndexOf(id, StringComparison.Ordinal) + id.Length - 1;
        another[at] = another[at] == 'A' ? 'B' : 'A';
        if (how == "written in place")
        {
            // The kernel's clock ticks each few milliseconds: within one, no change can be told.
            await Eventually.True(() =>
            {
                using (var open = new FileStream(file, FileMode.Open, FileAccess.Write))
                    open.Write(System.Text.Encoding.UTF8.GetBytes(another));
                return File.GetLastWriteTimeUtc(file) != time;
            }, "it is written at another time");
        }
        else
        {
            File.Delete(file);
        }
        if (how.StartsWith("replaced", StringComparison.Ordinal))
        {
            await File.WriteAllTextAsync(file, new string(another));
            File.SetLastWriteTimeUtc(file, time);
        }

        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => store.Get("nodes/a", default))).Kind);

        File.Delete(file);
        await File.WriteAllBytesAsync(file, before);
        Assert.NotNull(await store.Get("nodes/a", default));
    }

    // An upgrade, or a start whose store.id is lost, while the mount is missing.
    [Theory]
    [InlineData("crl.json"), InlineData("spent-0123456789abcdef"), InlineData("below/current")]
    public async Task Point20_WorkedBeforeAndTheStoreIsEmpty_IsNotFoundedUnlessOnPurpose(string kept)
    {
        var state = home.File("state");
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(state, kept))!);
        File.WriteAllText(Path.Combine(state, kept), "x");
        var founding = new StoreFounding(true, [(state, "crl.json"), (state, "spent-*"), (state, "current")]);

        using (var identity = New(state, founding))
        {
            var refused = await Assert.ThrowsAsync<FaultException>(() => identity.StartAsync(default));
            Assert.Contains(Path.Combine(state, kept), refused.Message, StringComparison.Ordinal);
            Assert.Contains("is empty", refused.Message, StringComparison.Ordinal);
            Assert.Contains(
                $"Next: bring the store back; if it was replaced on purpose, stop the service, write the word new into {state}/store.id",
                refused.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<FaultException>(() => new IdentifiedStore(identity).Get("nodes/a", default));
        }
        Assert.False(File.Exists(Path.Combine(state, StoreIdentity.FileName)));
        Assert.Empty(Directory.EnumerateFiles(Bucket, "*", SearchOption.AllDirectories));

        // Records and no id: a store of a version that wrote none, back on its mount.
        await DirectoryStore.At(Bucket).PutIfAbsent("ca/crl/1", Bytes("x"), default);
        using (var upgraded = New(state, founding))
            await upgraded.StartAsync(default);

        Directory.Delete(Bucket, recursive: true);
        File.WriteAllText(Path.Combine(state, StoreIdentity.FileName), "new\n");
        using (var onPurpose = New(state, founding))
            await onPurpose.StartAsync(default);
        Assert.True(File.ReadAllText(Path.Combine(state, StoreIdentity.FileName)).Trim().Length >= 20);
    }

    [Fact]
    public async Task Point20_FirstStartThatCameNoFurther_IsFoundedByTheNext()
    {
        var state = home.File("state");
        Directory.CreateDirectory(state);
        File.WriteAllText(Path.Combine(state, "audit.key"), "x");
        File.WriteAllText(Path.Combine(state, "spent-0123456789abcdef"), "");
        using var identity = New(state, new(true, [(state, "crl.json"), (state, "spent-*")]));
        await identity.StartAsync(default);
    }

    [Fact]
    public async Task Point20_ServiceThatMayNotFound_WaitsForTheIdAndSaysSo()
    {
        using var waiting = New(home.File("waiting"), StoreFounding.Never);
        await waiting.StartAsync(default);
        var store = new IdentifiedStore(waiting);
        Assert.True(waiting.Waits);
        Assert.Contains("has no deployment/id yet; CertAuthority or the Conductor writes it", await waiting.Wrong(default),
            StringComparison.Ordinal);
        Assert.Equal(FaultKind.Unavailable, (await Assert.ThrowsAsync<FaultException>(() => store.Get("nodes/a", default))).Kind);
        Assert.Empty(Directory.EnumerateFiles(Bucket, "*", SearchOption.AllDirectories));

        using var founder = New(home.File("founder"));
        await founder.StartAsync(default);

        Assert.Null(await store.Get("nodes/a", default));
        Assert.False(waiting.Waits);
        Assert.Equal(File.ReadAllText(home.File("founder/store.id")), File.ReadAllText(home.File("waiting/store.id")));
        Assert.Equal((1, 1, 0), (Count("Warning store.waits"), Count("Information store.identified"), Count("Critical")));
    }

    [Fact]
    public async Task Point20_FileRemoved_TheNewStoreIsTaken()
    {
        using (var identity = New(home.File("state")))
            await identity.StartAsync(default);
        Directory.Delete(Bucket, recursive: true);
        File.Delete(Path.Combine(home.File("state"), StoreIdentity.FileName));
        using var moved = New(home.File("state"));
        await moved.StartAsync(default);
        await new IdentifiedStore(moved).PutIfAbsent("nodes/a", Bytes("x"), default);
    }

    // A member that is not forwarded would silently be the base class's.
    [Fact]
    public void IdentifiedStore_ForwardsAllThatAStoreMayOverride()
    {
        var own = typeof(IdentifiedStore).GetMethods(
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(m => m.ToString()).ToHashSet();
        var open = typeof(ObjectStore).GetMethods(
            BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(m => m.IsVirtual && !m.IsFinal).Select(m => m.ToString());
        Assert.Empty(open.Except(own));
    }

    private static ReadOnlyMemory<byte> Bytes(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    private int Count(string line) => log.Lines.Count(l => l.StartsWith(line, StringComparison.Ordinal));

    private StoreIdentity New(string state, StoreFounding? founding = null) => new(DirectoryStore.At(Bucket), state, founding
        ?? StoreFounding.Free, TestIds.New(), TimeProvider.System, log);

    private sealed class RecordedLog : ILogger<StoreIdentity>
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel} {eventId.Name} {formatter(state, exception)}");
    }
}
