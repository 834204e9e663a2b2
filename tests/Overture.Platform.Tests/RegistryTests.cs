using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.TestSupport;
using Timeline = Overture.Platform.Registry.Timeline;

namespace Overture.Platform.Tests;

[Trait("Category", "integration")]
public sealed class RegistryTests : IAsyncLifetime
{
    private static readonly CertName Name = CertName.Parse("3f0c2a4e-8d1b-4c5a-9e7f-0123456789ab");
    private RedisServer redis = null!;
    private RegistryConnection connection = null!;
    private Timeline timeline = null!;
    private InstanceIndex index = null!;

    public async Task InitializeAsync()
    {
        redis = await RedisServer.Start();
        connection = new RegistryConnection(new RegistryOptions { Endpoint = redis.Endpoint }, new RegistryKeys("t"),
            new RegistryRights("conductor", "t"), TimeProvider.System, NullLogger<RegistryConnection>.Instance);
        await connection.StartAsync(default);
        await Eventually.True(() => connection.Healthy, "the registry is connected");
        var keys = new RegistryKeys("t");
        timeline = new Timeline(connection, keys, TimeProvider.System, NullLogger<Timeline>.Instance);
        index = new InstanceIndex(connection, keys);
    }

    [Fact]
    public async Task Call_ServerFrozen_FailsByItsDeadlineAndHeals()
    {
        redis.Freeze();
        var watch = Stopwatch.StartNew();
        var fault = await Assert.ThrowsAsync<FaultException>(() => index.Find(Name));
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}");
        Assert.Equal(Reason.RegistryUnavailable, fault.Reason);
        await Eventually.True(() => !connection.Healthy, "the watchdog sees it");
        redis.Thaw();
        await Eventually.True(Answers, "calls work again");
    }

    [Fact]
    public async Task Call_ServerKilledAndRestarted_Heals()
    {
        await index.Save([new IndexEntry(Name, "{}", DateTimeOffset.UnixEpoch)]);
        await redis.Kill();
        await Eventually.True(async () => !await Answers(), "calls fail");
        await redis.Restart();
        await Eventually.True(Answers, "calls work again");
    }

    [Fact]
    public async Task EventLog_SameKeyTwice_KeepsTheFirstAndAnnouncesOnce()
    {
        var feed = new ChangeFeed(connection, new RegistryKeys("t"), TimeProvider.System, NullLogger<ChangeFeed>.Instance);
        var heard = new ConcurrentQueue<string>();
        feed.Changed += (name, what) => heard.Enqueue($"{name} {what}");
        timeline.Announce(Name, "begin");
        await feed.StartAsync(default);
        await Eventually.True(async () =>
        {
            timeline.Announce(Name, "tick");
            return !heard.IsEmpty;
        }, "the feed speaks");
        heard.Clear();
        timeline.Add("conductor", Name, "signed", "first");
        timeline.Add("conductor", Name, "signed", "second");
        timeline.Add("conductor", Name, "refused", "no", Reason.TokenMismatch);
        await Eventually.True(() => heard.Contains($"{Name} refused"), "the feed reports the last one");
        Assert.Single(heard, h => h == $"{Name} signed");
        var lines = await timeline.Read(Name);
        Assert.Equal(["first", "no"], lines.Select(l => l.Detail));
        Assert.Equal("TOKEN_MISMATCH", lines[1].Reason);
        await feed.StopAsync(default);
    }

    [Fact]
    public async Task ChangeFeed_RedisAwayForAWhile_GoesOnWhereItWas()
    {
        await using var feed = await HeardFeed.Start(connection);
        timeline.Announce(Name, "before");
        await Eventually.True(() => feed.Heard.Contains("before"), "it listens");

        redis.Freeze();
        await Eventually.True(() => !connection.Healthy, "the watchdog sees it");
        // Waits at the frozen server, which takes it before the feed's connection has healed.
        var meanwhile = redis.Cli("xadd", new RegistryKeys("t").Changes, "*", "certname", Name.ToString(), "what", "meanwhile");
        redis.Thaw();
        await meanwhile;

        await Eventually.True(() => feed.Heard.Contains("meanwhile"), "it goes on where it was");
        Assert.Equal(["before", "meanwhile"], feed.Heard);
        Assert.Equal(1, feed.Begins);
    }

    [Fact]
    public async Task ChangeFeed_RedisComesBackEmpty_BeginsOnceMore()
    {
        await redis.Cli("xadd", new RegistryKeys("t").Changes, "*", "certname", Name.ToString(), "what", "old");
        await using var feed = await HeardFeed.Start(connection);

        await redis.Kill();
        await Eventually.True(() => !connection.Healthy, "the watchdog sees it");
        redis.Clear();
        await redis.Restart();

        await Eventually.True(() => feed.Begins == 2, "it listens to the new stream");
        timeline.Announce(Name, "new");
        await Eventually.True(() => feed.Heard.Contains("new"), "it listens");
    }

    [Fact]
    public async Task EventLog_ManyAtOnce_AreReadBackInTheOrderTheyWereWritten()
    {
        var expected = Enumerable.Range(0, 1000).Select(i => $"line {i}").ToList();
        for (var i = 0; i < expected.Count; i++)
            timeline.Add("conductor", Name, $"key-{i}", expected[i], at: DateTimeOffset.UnixEpoch.AddSeconds(i));
        Assert.Equal(expected, (await timeline.Read(Name)).Select(l => l.Detail));
    }

    [Fact]
    public async Task EventLog_OneLineCannotBeWritten_ThoseBesideItAre()
    {
        var (broken, sound) = (Name, TestIds.New().CertName());
        await redis.Cli("set", new RegistryKeys("t").Timeline(broken), "no hash");
        timeline.Add("conductor", broken, "signed", "lost");
        timeline.Add("conductor", sound, "signed", "kept");
        Assert.Equal(["kept"], (await timeline.Read(sound)).Select(l => l.Detail));
    }

    [Fact]
    public async Task EventLog_ServerFrozen_NobodyWaitsAndLaterLinesAreWritten()
    {
        redis.Freeze();
        var watch = Stopwatch.StartNew();
        for (var i = 0; i < 500; i++)
            timeline.Add("conductor", Name, $"key-{i}", "while it is away");
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"took {watch.Elapsed}"); // waited for, each would be a second
        await timeline.Flushed().WaitAsync(TimeSpan.FromSeconds(60));
        redis.Thaw();
        await Eventually.True(Answers, "calls work again");
        timeline.Add("conductor", Name, "signed", "later");
        Assert.Contains(await timeline.Read(Name), l => l.Detail == "later");
    }

    [Fact]
    public async Task Index_Pages_CoverAllOnceNewestFirst()
    {
        var names = Enumerable.Range(0, 25).Select(_ => TestIds.New().CertName()).ToList();
        for (var i = 0; i < names.Count; i++)
            await index.Save([new IndexEntry(names[i], "{}", DateTimeOffset.UnixEpoch.AddSeconds(i / 3))]); // three share each moment
        var seen = new List<string>();
        (string, long)? last = null;
        while (true)
        {
            var page = await index.Page(last, 4);
            seen.AddRange(page.Select(p => p.Certname));
            if (page.Count < 4)
                break;
            last = page[^1];
        }
        Assert.Equal(25, seen.Distinct().Count());
        Assert.Equal(25, seen.Count);
        Assert.Contains(names[24].ToString(), seen.Take(3));
    }

    public async Task DisposeAsync()
    {
        await connection.StopAsync(default);
        await redis.DisposeAsync();
    }

    private async Task<bool> Answers()
    {
        try
        {
            await index.Find(Name);
            return true;
        }
        catch (FaultException)
        {
            return false;
        }
    }

    // A feed, and what it said.
    private sealed class HeardFeed : IAsyncDisposable
    {
        private readonly ChangeFeed feed;
        private int begins;

        private HeardFeed(RegistryConnection connection)
        {
            feed = new(connection, new RegistryKeys("t"), TimeProvider.System, NullLogger<ChangeFeed>.Instance);
            feed.Changed += (_, what) => Heard.Enqueue(what);
            feed.Began += () => Interlocked.Increment(ref begins);
        }

        public ConcurrentQueue<string> Heard { get; } = [];

        public int Begins => Volatile.Read(ref begins);

        public static async Task<HeardFeed> Start(RegistryConnection connection)
        {
            var heard = new HeardFeed(connection);
            await heard.feed.StartAsync(default);
            await Eventually.True(() => heard.Begins == 1, "it says from where on it listens");
            return heard;
        }

        public async ValueTask DisposeAsync()
        {
            await feed.StopAsync(default);
            feed.Dispose();
        }
    }
}
