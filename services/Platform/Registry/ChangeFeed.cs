using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// Reads the stream of changes and tells listeners which instance has news. A hint only: listeners also look for themselves on a timer,
/// so a lost word costs that wait. Polls (4 times a second): a blocking read would stall every other call of the connection.
/// </summary>
public sealed class ChangeFeed(RegistryConnection registry, RegistryKeys keys, TimeProvider clock, ILogger<ChangeFeed> log) : BackgroundService
{
    private string last = "";

    /// <summary>An instance has news: its certname and what ("signed", "terminating"...). Handlers must be quick and not throw.</summary>
    public event Action<CertName, string>? Changed;

    /// <summary>The names of which a word that is wanted was heard, for one reader; what he has no time for is dropped, since he also looks for himself.</summary>
    /// <param name="wanted">Whether he cares for this word ("terminating"...).</param>
    /// <param name="most">How many may wait for him.</param>
    public Ear Listen(Func<string, bool> wanted, int most = 10_000) => new(this, wanted, most);

    /// <summary>Hears until it is disposed.</summary>
    public sealed class Ear : IDisposable
    {
        private readonly ChangeFeed feed;
        private readonly Func<string, bool> wanted;
        private readonly Channel<CertName> heard;

        internal Ear(ChangeFeed feed, Func<string, bool> wanted, int most)
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
    private void Tell(CertName name, string what)
    {
        try
        {
            Changed?.Invoke(name, what);
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
            if (last.Length == 0)
            {
                // Begin at the end: what happened before the start is found by the listeners' own sweep.
                var end = (RedisResult[])(await registry.Run(db => db.ExecuteAsync("XREVRANGE", keys.Changes, "+", "-", "COUNT", "1")))!;
                last = end.Length > 0 ? (string)((RedisResult[])end[0]!)[0]! : "0-0";
            }
            var entries = (RedisResult[])(await registry.Run(db => db.ExecuteAsync("XRANGE", keys.Changes, "(" + last, "+", "COUNT", "1000")))!;
            foreach (var entry in entries)
            {
                var parts = (RedisResult[])entry!;
                last = (string)parts[0]!;
                var fields = (string[])parts[1]!;
                if (fields.Length >= 4 && CertName.TryParse(fields[1], out var name, out _))
                    Tell(name, fields[3]);
            }
        }
        catch (FaultException)
        {
            // Redis is away: the connection's watchdog says so. A rolled-back stream would hold lower ids, so begin anew.
            last = "";
        }
    }
}
