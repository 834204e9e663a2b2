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
/// Reads what instances said to another Conductor, when the change feed tells of it, so that the causes of a fleet have it too. A lost
/// message costs that alone: explain of the one instance reads it.
/// </summary>
internal sealed class WordsFollower(InstanceTable table, FirstBootStore firstBoots, ChangeFeed feed, ILogger<WordsFollower> log)
    : BackgroundService
{
    private const int Most = 10_000;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var heard = Channel.CreateBounded<CertName>(new BoundedChannelOptions(Most) { FullMode = BoundedChannelFullMode.DropWrite });
        void Hear(CertName name, string what)
        {
            if (what.StartsWith(InstanceEvents.AgentSaid, StringComparison.Ordinal)
                && uint.TryParse(what[InstanceEvents.AgentSaid.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && !Knows(name, number))
            {
                heard.Writer.TryWrite(name);
            }
        }

        feed.Changed += Hear;
        try
        {
            await foreach (var name in heard.Reader.ReadAllAsync(stoppingToken))
                await Read(name, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // stopping
        }
        finally
        {
            feed.Changed -= Hear;
        }
    }

    // Said to this Conductor, or read with another line. One that is not known here yet is read with all that it said.
    private bool Knows(CertName name, uint number) =>
        table.Rows.Find(name) is not { } row || row.Records().Said is not { } said || said.Any(l => l.Number >= number);

    private async Task Read(CertName name, CancellationToken cancel)
    {
        try
        {
            if (await firstBoots.Find(name, cancel) is { } record)
                await table.Update(name, r => r.Said is null ? r : r with { Said = [.. record.Said] }, cancel);
        }
        catch (FaultException e)
        {
            Log.SweepFailed(log, e.Message);
        }
    }
}
