using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Instances;

/// <summary>Writes the registry's index of instances, as far as the registry answers; what it missed is written when it is back.</summary>
internal sealed class IndexWriter(InstanceIndex index, ILogger<IndexWriter> log)
{
    private const int AtOnce = 500;
    private readonly ConcurrentDictionary<CertName, bool> stale = new();

    public async Task Save(CertName name, Instance instance)
    {
        try
        {
            await index.Save([Entry(name, instance)]);
        }
        catch (FaultException)
        {
            stale[name] = true;
        }
    }

    /// <param name="rows">Every instance.</param>
    /// <param name="whole">Write all of them; else only where the registry was emptied or missed some.</param>
    public async Task Repair(InstanceRows rows, bool whole)
    {
        try
        {
            var had = await index.Count();
            var (count, lost) = (rows.Count, had < rows.Count);
            if (!whole && !lost && stale.IsEmpty)
                return;
            var all = whole || lost;
            foreach (var some in (all ? rows.Take(null, int.MaxValue, _ => true).ConvertAll(r => r.Name) : [.. stale.Keys]).Chunk(AtOnce))
                await Write(some, rows);
            // Not before: a registry that takes no writes would be rebuilt at every sweep.
            if (lost)
                Log.IndexRebuilt(log, had, count);
        }
        catch (FaultException)
        {
            // the registry is away or takes no writes; the next sweep tries again
        }
    }

    private async Task Write(CertName[] names, InstanceRows rows)
    {
        var written = names.Select(rows.Find).OfType<InstanceRow>().ToList();
        await index.Save([.. written.Select(r => Entry(r.Name, r.Instance()))]);
        foreach (var row in written)
        {
            // Changed meanwhile: the newer text may have been overtaken by this one.
            if (rows.Find(row.Name)?.ShowsTheSameAs(row) == true)
                stale.TryRemove(row.Name, out _);
            else
                stale[row.Name] = true;
        }
    }

    private static IndexEntry Entry(CertName name, Instance instance) =>
        new(name, RecordJson.WriteText(instance), instance.CreatedAt.ToDateTimeOffset());
}
