using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// Reads the stream of changes and notifies listeners which instance has news. A hint only: listeners also look for themselves on a timer,
/// so a lost message costs that wait. Polls (4 times a second): a blocking read would stall every other call of the connection.
/// </summary>
public sealed class ChangeFeed(RegistryConnection registry, RegistryKeys keys, TimeProvider clock, ILogger<ChangeFeed> log)
    : BackgroundService
{
    private string last = "";
    private bool isPlaced;

    /// <summary>An instance has news: its certname and what ("signed", "terminating"...). Handlers must be quick and not throw.</summary>
    public event Action<CertName, string>? Changed;

    /// <summary>
    /// It reads on from the stream's end: at the start, and where Redis came back with an older stream. What came before was not
    /// announced, so a listener whose own look is seldom looks now. Handlers must be quick and not throw.
    /// </summary>
    public event Action? Began;

    /// <summary>The names with news of the wanted kinds, for one reader; what it has no time for is dropped, since it also polls.</summary>
    /// <param name="wanted">Whether the reader wants this event ("terminating"...).</param>
    /// <param name="most">How many may be queued.</param>
    public Subscription Listen(Func<string, bool> wanted, int most = 10_000) => new(this, wanted, most);

    /// <summary>Listens until it is disposed.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly ChangeFeed feed;
        private readonly Func<string, bool> wanted;
        private readonly Channel<CertName> heard;

        internal Subscription(ChangeFeed feed, Func<string, bool> wanted, int most)
        {
            (this.feed, this.wanted) = (feed, wanted);
            heard = Channel.CreateBounded<CertName>(new BoundedChannelOptions(most) { FullMode = BoundedChannelFullMode.DropWrite });
            feed.Changed += Hear;
        }

        public ChannelReader<CertName> Names => heard.Reader;

        public void Dispose() => feed.Changed -= Hear;

        private void Hear(CertName name, string what)
        {
            if (wanted(what))
                heard.Writer.TryWrite(name);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250), clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await Poll();
        }
        catch (OperationCanceledException)
        {
            // stopping
        }
    }

    // A listener that fails must not end the feed for the others.
    private void Notify(string what, Action listeners)
    {
        try
        {
            listeners();
        }
        catch (Exception e)
        {
            RegistryLog.ListenerFailed(log, what, e);
        }
    }

    private async Task Poll()
    {
        try
        {
            if (!isPlaced)
                await Place();
            foreach (var entry in await registry.Run(db => db.StreamReadAsync(keys.Changes, last, 1000)))
            {
                last = entry.Id.ToString();
                if (CertName.TryParse(entry["certname"].ToString(), out var name, out _))
                    Notify(entry["what"].ToString(), () => Changed?.Invoke(name, entry["what"].ToString()));
            }
        }
        catch (FaultException)
        {
            // Redis is away: its connection says so.
            isPlaced = false;
        }
    }

    // After an outage it goes on where it was, unless the stream was rolled back, and so holds lower ids.
    private async Task Place()
    {
        var end = await registry.Run(db => db.StreamRangeAsync(keys.Changes, count: 1, messageOrder: Order.Descending));
        var newest = end.Length > 0 ? end[0].Id.ToString() : "0-0";
        isPlaced = true;
        if (last.Length > 0 && !IsBefore(newest, last))
            return;
        last = newest;
        Notify("began", () => Began?.Invoke());
    }

    private static bool IsBefore(string id, string other) => Parts(id).CompareTo(Parts(other)) < 0;

    // Milliseconds and a number within them.
    private static (ulong, ulong) Parts(string id) =>
        id.Split('-') is [var time, var number]
            ? (ulong.Parse(time, CultureInfo.InvariantCulture), ulong.Parse(number, CultureInfo.InvariantCulture)) : default;
}
