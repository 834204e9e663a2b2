using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Overture.Platform.Connections;

namespace Overture.Platform.Tests;

/// <summary>
/// Who is admitted to a listener, what a process can hold, and what is written of those that were turned away.
/// </summary>
public sealed class ConnectionTests : IDisposable
{
    private readonly FakeTimeProvider clock = new(new DateTimeOffset(2026, 11, 29, 0, 0, 0, TimeSpan.Zero));
    private readonly Lines lines = new();
    private readonly ConnectionLog log;

    public ConnectionTests() => log = new ConnectionLog(clock, lines);

    [Fact]
    public void Admit_FiveAddressesHaveAll_EveryOtherGetsIn()
    {
        var open = Listener(new() { Connections = 1_000, PerAddress = 500, UnfinishedPerAddress = 500 });
        for (var i = 0; i < 2_000; i++)
            Admit(open, $"10.0.0.{i % 5}");
        Assert.Equal(1_000, open.Open);
        var others = Enumerable.Range(0, 60).Select(i => Admit(open, $"10.0.1.{i}")).ToList();
        Assert.All(others, Assert.NotNull);
        Assert.Equal(1_000, open.Open);
        // Nor does the flood get back what it gave.
        for (var i = 0; i < 2_000; i++)
            Assert.Null(Admit(open, $"10.0.0.{i % 5}"));
        Assert.All(others, o => Assert.False(o!.GaveWay));
    }

    [Fact]
    public void Admit_StrangersBeforeThoseWithACertificate_AndTheIdleBeforeTheBusy_GiveWay()
    {
        var open = Listener(new() { Connections = 100, PerAddress = 100, UnfinishedPerAddress = 100 });
        // A whole site with certificates has most; one address without has 40.
        var site = Enumerable.Range(0, 60).Select(_ => Admit(open, "10.0.0.1")!).ToList();
        site.ForEach(c => c.Certify());
        var strangers = Enumerable.Range(0, 40).Select(_ => Admit(open, "10.0.0.2")!).ToList();
        strangers[0].Answered(refused: false);
        Assert.NotNull(Admit(open, "10.0.0.3"));
        Assert.Equal(1, strangers.FindIndex(c => c.GaveWay));
        Assert.DoesNotContain(site, c => c.GaveWay);
    }

    [Fact]
    public void Admit_OneCertificateWithAllConnections_GivesWayAsWell()
    {
        var open = Listener(new() { Connections = 100, PerAddress = 100, UnfinishedPerAddress = 100 });
        for (var i = 0; i < 100; i++)
            Admit(open, "10.0.0.1")!.Certify();
        Assert.NotNull(Admit(open, "10.0.0.2"));
    }

    [Fact]
    public void Admit_AnAddressOverItsShare_IsTurnedAwayUntilOneLeaves()
    {
        var open = Listener(new() { Connections = 1_000, PerAddress = 20, UnfinishedPerAddress = 10 });
        var mine = Enumerable.Range(0, 10).Select(_ => Admit(open, "10.0.0.1")!).ToList();
        Assert.Null(Admit(open, "10.0.0.1"));
        mine.ForEach(c => c.Answered(refused: false));
        mine.AddRange(Enumerable.Range(0, 10).Select(_ => Admit(open, "10.0.0.1")!));
        mine.ForEach(c => c.Answered(refused: false));
        Assert.Null(Admit(open, "10.0.0.1"));
        mine[3].Leave();
        Assert.NotNull(Admit(open, "10.0.0.1"));
        Assert.Equal(20, open.Open);
        mine.ForEach(c => c.Leave());
        Assert.Equal(1, open.Open);
    }

    [Fact]
    public void Begin_LastRequestOfAConnection_SaysSo()
    {
        var connection = Admit(Listener(new HttpListenerLimits { RequestsPerConnection = 10 }), "10.0.0.1")!;
        Assert.Equal([.. Enumerable.Repeat(false, 9), true], Enumerable.Range(0, 10).Select(_ => connection.Begin()));
        var grpc = Admit(Listener(new()), "10.0.0.1")!;
        Assert.All(Enumerable.Range(0, 5_000), _ => Assert.False(grpc.Begin()));
    }

    [Theory]
    // files, MiB; what 10,000 and 2,000 become
    [InlineData(20_000, 24_000, 10_000, 2_000), InlineData(65_536, 384, 2_509, 562), InlineData(4_096, 24_000, 2_939, 644),
        InlineData(1_024, 24_000, 361, 150)]
    public void Budget_FilesAndMemory_LowerTheLimitsInProportion(long files, long mebibytes, int api, int grpc)
    {
        var wanted = new ListenerLimits[] { new HttpListenerLimits { Connections = 10_000, PerAddress = 4_000,
            UnfinishedPerAddress = 2_000 }, new() { Connections = 2_000, PerAddress = 1_000, UnfinishedPerAddress = 500 } };
        var fit = ConnectionBudget.Fit(wanted, files, mebibytes * 1024 * 1024);
        Assert.Equal([api, grpc], fit.Select(f => f.Connections));
        Assert.IsType<HttpListenerLimits>(fit[0]);
        Assert.Equal(api * 4 / 10, fit[0].PerAddress);
        Assert.True(fit.Sum(f => f.Connections) <= ConnectionBudget.Most(files, mebibytes * 1024 * 1024));
    }

    [Fact]
    public void Budget_NoRoomForTheFewest_SaysWhatToSet()
    {
        var e = Assert.Throws<InvalidOperationException>(() => ConnectionBudget.Fit([new(), new()], 600, 1L << 34));
        Assert.Contains("set the limit of open files (LimitNOFILE, ulimit -n) to 712 or more (it is 600)", e.Message,
            StringComparison.Ordinal);
        Assert.Contains("200 connections, and there is room for 88", e.Message, StringComparison.Ordinal);
        Assert.True(ConnectionBudget.Most(712, 26L * 1024 * 1024) >= 200);
    }

    [Fact]
    public void Limits_OutOfBounds_AreNamedAllAtOnce()
    {
        Assert.Equal(["x.connections", "x.perAddress", "x.unfinishedPerAddress", "x.requestsPerConnection"],
            new HttpListenerLimits { Connections = 99, PerAddress = 9, UnfinishedPerAddress = 0, RequestsPerConnection = 9 }.Problems("x")
                .Select(p => p.Field));
        Assert.Empty(new HttpListenerLimits().Problems("x"));
    }

    [Fact]
    public void Log_Flood_IsFewLinesAndSaysWhoseItWas()
    {
        for (var i = 0; i < 10_000; i++)
            log.Note("ca-api", ConnectionCause.Full, IPAddress.Parse($"10.1.{i % 100}.1"), "");
        // Another cause is not hidden by it.
        log.Note("ca-api", ConnectionCause.Expired, IPAddress.Parse("::ffff:10.2.0.1"), "was valid until yesterday");
        Assert.Equal(31, lines.All.Count);
        Assert.Equal("connection.refused: a connection from 10.2.0.1 to ca-api was refused (expired): was valid until yesterday",
            lines.All[^1]);
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(31 + 21, lines.All.Count);
        Assert.StartsWith("connection.refused_often: within a minute, 100 connections from 10.1.", lines.All[31], StringComparison.Ordinal);
        Assert.Equal(
            "connection.refused_elsewhere: within a minute, 8000 further connections, from addresses that are not listed, were refused",
            lines.All[^1]);
        // A new minute, a new line.
        log.Note("ca-api", ConnectionCause.Expired, IPAddress.Parse("10.2.0.1"), "still");
        Assert.EndsWith("still", lines.All[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("error:0A000102:SSL routines::unsupported protocol", ConnectionCause.Protocol),
        InlineData("error:0A0000C1:SSL routines::no shared cipher", ConnectionCause.Protocol)]
    [InlineData("Cannot determine the frame size or a corrupted frame was received.", ConnectionCause.Protocol)]
    [InlineData("error:0A000418:SSL routines::tlsv1 alert unknown ca", ConnectionCause.RefusedByClient),
        InlineData("error:0A000415:SSL routines::ssl/tls alert certificate expired", ConnectionCause.RefusedByClient)]
    [InlineData("Received an unexpected EOF or 0 bytes from the transport stream.", ConnectionCause.Closed),
        InlineData("Connection reset by peer", ConnectionCause.Closed), InlineData("what was not foreseen", ConnectionCause.Failed)]
    public void Handshake_WordsOfTheLibrary_AreACause(string words, string cause) => Assert.Equal(cause, Handshake.CauseOf(words));

    public void Dispose() => log.Dispose();

    private OpenConnections Listener(ListenerLimits limits) => new("test", limits, log, clock);

    private static OpenConnection? Admit(OpenConnections open, string address) =>
        open.Admit(new DefaultConnectionContext { RemoteEndPoint = new IPEndPoint(IPAddress.Parse(address), 1) });

    private sealed class Lines : ILogger<ConnectionLog>
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) =>
            All.Add($"{eventId.Name}: {formatter(state, exception)}");
    }
}
