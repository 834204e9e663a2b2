using System.Net;
using Amazon.Runtime;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>The probe at start and every hour.</summary>
public sealed class StoreWatchTests
{
    private readonly FakeTimeProvider clock = new();
    private readonly RecordedLog log = new();

    [Fact]
    public async Task Start_LyingServer_IsRefused()
    {
        await using var server = await S3Double.Start(Lies.IgnoresIfNoneMatch);
        using var store = server.Open();
        using var watch = New(store);
        Assert.Contains(StoreProbe.OneWinner, (await Assert.ThrowsAsync<FaultException>(() => watch.StartAsync(default))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_OpenBucket_IsWarnedOf()
    {
        await using var server = await S3Double.Start(); // it checks no signature, so anyone can read it
        using var store = server.Open();
        using var watch = New(store);
        await watch.StartAsync(default);
        Assert.Contains(log.Lines, l => l.StartsWith("Warning store.public s3://bucket", StringComparison.Ordinal));
        await watch.StopAsync(default);
    }

    [Fact]
    public async Task Hourly_PromiseBrokenLater_IsNotReadyUntilItIsKeptAgain()
    {
        await using var server = await S3Double.Start();
        using var store = server.Open();
        using var watch = New(store);
        await watch.StartAsync(default);
        Assert.Null(watch.Broken);

        server.Lies = Lies.IgnoresIfMatch;
        clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Null(watch.Broken);
        await After(TimeSpan.FromMinutes(1), () => watch.Broken is not null);
        Assert.Contains(StoreProbe.RefusesStale, watch.Broken, StringComparison.Ordinal);
        Assert.Contains(log.Lines, l => l.StartsWith("Critical store.untrustworthy", StringComparison.Ordinal));

        server.Lies = Lies.None;
        await After(TimeSpan.FromMinutes(1), () => watch.Broken is null);
        await watch.StopAsync(default);
    }

    // A racy front end that DNS names later is found within a minute, and not after an hour.
    [Fact]
    public async Task AddressMore_OfTheStoresName_IsTestedAtTheNextMinute()
    {
        await using var server = await S3Double.Start(Lies.RacesCreates);
        await using var second = await S3Double.Start(Lies.RacesCreates, server, "127.0.0.2");
        IPAddress[] addresses = [IPAddress.Parse("127.0.0.1")];
        using var store = S3Store.At("s3://bucket", "", new S3Options { ServiceUrl = $"http://localhost:{new Uri(server.Endpoint).Port}" },
            new BasicAWSCredentials("key", "secret"));
        store.Resolve = (_, _) => Task.FromResult(addresses);
        using var watch = New(store);
        server.Lies = second.Lies = Lies.None;
        await watch.StartAsync(default);
        var puts = server.Puts;
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(watch.Broken);
        Assert.Equal(puts, server.Puts);

        server.Lies = second.Lies = Lies.RacesCreates;
        addresses = [.. addresses, IPAddress.Parse("127.0.0.2")];
        await After(TimeSpan.FromSeconds(20), () => log.Lines.Any(l => l.StartsWith("Information store.new_address",
            StringComparison.Ordinal)));
        // Without another tick of the clock.
        await Eventually.True(() => watch.Broken is not null, "it was tested");
        Assert.Contains("127.0.0.1, s3://bucket at 127.0.0.2", watch.Broken, StringComparison.Ordinal);
        Assert.Contains(log.Lines, l => l.StartsWith("Information store.new_address", StringComparison.Ordinal)
            && l.Contains("(127.0.0.2)", StringComparison.Ordinal));
    }

    // The name may have another answer at each question: tested is what the probe spoke to, and nothing else.
    [Fact]
    public async Task AddressThatTheNameHadForAMoment_IsTakenForTestedOnlyIfItWas()
    {
        await using var server = await S3Double.Start();
        await using var second = await S3Double.Start(beside: server, address: "127.0.0.2");
        IPAddress[] addresses = [IPAddress.Parse("127.0.0.1"), IPAddress.Parse("127.0.0.2")];
        using var store = S3Store.At("s3://bucket", "", new S3Options { ServiceUrl = $"http://localhost:{new Uri(server.Endpoint).Port}" },
            new BasicAWSCredentials("key", "secret"));
        var (asked, started) = (0, false);
        store.Resolve = (_, _) => Task.FromResult(++asked == 2 || started ? addresses : addresses[..1]);
        using var watch = New(store);
        await watch.StartAsync(default);
        started = true;
        await After(TimeSpan.FromSeconds(1), () => second.Requests.Any(r => r.Method == "PUT"));
        await watch.StopAsync(default);
    }

    // The server was upgraded, or another took its place: within the hour no replacement would be taken.
    [Fact]
    public async Task ReplacementOfTheCurrentVersionRefused_IsLookedIntoAtOnceAndHeals()
    {
        await using var server = await S3Double.Start();
        using var store = server.Open();
        using var watch = New(store);
        await watch.StartAsync(default);
        await store.PutIfAbsent("n", "1"u8.ToArray(), default);
        var etag = (await store.Get("n", default))!.ETag;
        var puts = server.Puts;
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("n", "2"u8.ToArray(), "\"stale\"", default));
        await After(TimeSpan.FromSeconds(1), () => clock.GetUtcNow() - clock.Start > TimeSpan.FromMinutes(2));
        Assert.Equal(puts + 1, server.Puts);

        server.Lies = Lies.WantsBareETags;
        Assert.Equal(PutOutcome.Conflict, await store.PutIfMatch("n", "2"u8.ToArray(), etag, default));
        await After(TimeSpan.FromSeconds(1), () => store.ETagForm == ETagForm.Bare);
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("n", "2"u8.ToArray(), etag, default));
        Assert.Null(watch.Broken);
        await watch.StopAsync(default);
    }

    private StoreWatch New(ObjectStore store) =>
        new(new StoreIdentity(store, "/nonexistent", StoreFounding.Free, TestIds.New(), clock, NullLogger<StoreIdentity>.Instance),
            new StoreProbe(store, TestIds.New()), store, clock, log);

    // The watch may not have set its timer yet.
    private Task After(TimeSpan period, Func<bool> comes) => Eventually.True(() =>
    {
        clock.Advance(period);
        return comes();
    }, "the watch looked again");

    private sealed class RecordedLog : ILogger<StoreWatch>
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue($"{logLevel} {eventId.Name} {formatter(state, exception)}");
    }
}
