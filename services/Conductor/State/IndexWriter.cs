using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.State;

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

    /// <param name="memory">Every instance.</param>
    /// <param name="whole">Write all of them; else only where the registry was emptied or missed some.</param>
    public async Task Mend(InstanceMemory memory, bool whole)
    {
        try
        {
            var had = await index.Count();
            if (had < memory.Count)
                Log.IndexRebuilt(log, had, memory.Count);
            else if (!whole && stale.IsEmpty)
                return;
            var all = whole || had < memory.Count;
            foreach (var some in (all ? memory.Take(null, int.MaxValue, _ => true).ConvertAll(k => k.Name) : [.. stale.Keys]).Chunk(AtOnce))
                await Write(some, memory);
        }
        catch (FaultException)
        {
            // the registry is away; the next sweep tries again
        }
    }

    private async Task Write(CertName[] names, InstanceMemory memory)
    {
        var written = names.Select(n => (Name: n, Instance: memory.Find(n)!)).ToList();
        await index.Save([.. written.Select(w => Entry(w.Name, w.Instance))]);
        foreach (var (name, instance) in written)
        {
            // Changed meanwhile: the newer text may have been overtaken by this one.
            if (ReferenceEquals(memory.Find(name), instance))
                stale.TryRemove(name, out _);
            else
                stale[name] = true;
        }
    }

    private static IndexEntry Entry(CertName name, Instance instance) => new(name, RecordJson.WriteText(instance), instance.CreatedAt.ToDateTimeOffset());
}
