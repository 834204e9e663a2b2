using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Workers;

/// <summary>
/// Reads what instances said to another Conductor, when the change feed tells of it, so that the causes of a fleet have it too. Where the
/// feed begins, messages may have been lost: then those of each boot that goes on are read again.
/// </summary>
internal sealed class WordsFollower(InstanceTable table, FirstBootStore firstBoots, ChangeFeed feed, ILogger<WordsFollower> log)
    : BackgroundService
{
    private const int Most = 10_000;

    // Those that wait, each once however much it said, with the number of its newest line.
    private readonly Dictionary<CertName, uint> wanted = [];
    private readonly Lock guard = new();
    // Null: the feed began.
    private readonly Channel<CertName?> heard = Channel.CreateBounded<CertName?>(Most);
    private bool isAway;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        void Begin() => heard.Writer.TryWrite(null);

        feed.Changed += Hear;
        feed.Began += Begin;
        try
        {
            await foreach (var name in heard.Reader.ReadAllAsync(stoppingToken))
                await (name is { } one ? ReadNews(one, stoppingToken) : ReadAll(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // stopping
        }
        finally
        {
            feed.Changed -= Hear;
            feed.Began -= Begin;
        }
    }

    private void Hear(CertName name, string what)
    {
        if (!what.StartsWith(InstanceEvents.AgentSaid, StringComparison.Ordinal)
            || !uint.TryParse(what[InstanceEvents.AgentSaid.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            || Knows(name, number))
        {
            return;
        }
        lock (guard)
        {
            if (!wanted.TryGetValue(name, out var before) && !heard.Writer.TryWrite(name))
                return;
            wanted[name] = Math.Max(before, number);
        }
    }

    // Said to this Conductor, or read with another line. One that is not known here yet is read with all that it said.
    private bool Knows(CertName name, uint number) =>
        table.Rows.Find(name) is not { } row || row.Records().Said is not { } said || said.Any(l => l.Number >= number);

    private async Task ReadNews(CertName name, CancellationToken cancel)
    {
        uint number;
        lock (guard)
            wanted.Remove(name, out number);
        if (!Knows(name, number))
            await Read(name, cancel);
    }

    // What was not read yet is read with the rest of its records.
    private async Task ReadAll(CancellationToken cancel)
    {
        foreach (var row in table.Rows.All.Where(r => !r.IsSettled && r.Records().Said is not null).ToList())
            await Read(row.Name, cancel);
    }

    private async Task Read(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await firstBoots.Find(name, cancel) is { } record)
                await table.Update(name, r => r.Heard(record.Said), cancel);
            isAway = false;
        }
        catch (FaultException e)
        {
            if (!isAway)
                Log.SweepFailed(log, e.Message);
            isAway = true;
        }
    }
}
