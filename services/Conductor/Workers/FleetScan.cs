using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Workers;

/// <summary>
/// What other services wrote about instances: the names of all such objects, compared with the rows. Cheap by the instance, since nothing
/// is read where they agree.
/// </summary>
internal sealed class FleetScan(InstanceTable table, ObjectStore store, BrokenDefinitions broken, DefinitionLook definitions,
    FirstLooks looks, TimeProvider clock)
{
    // Each is asked for by itself before it is believed; the rest at the next scan.
    private const int MaxConfirmed = 500;
    private readonly AdaptiveInterval renewals = new(TimeSpan.FromMinutes(10), clock);

    /// <summary>Notes missing and broken definitions.</summary>
    /// <returns>The names whose records are to be read again: contested or revoked, and not shown so.</returns>
    /// <exception cref="FaultException">The store is away.</exception>
    public async Task<IReadOnlyCollection<CertName>> Run(CancellationToken cancel)
    {
        var stale = new HashSet<CertName>();
        // 1. whose token came with two keys
        await foreach (var key in store.List(ObjectKeys.Blocks, null, cancel))
        {
            if (key.Split('/') is [.., var text, InstanceEvents.Contested] && CertName.TryParse(text, out var name, out _)
                && Living(name) is { IsContested: false })
            {
                stale.Add(name);
            }
        }
        // 2. whose certificate is revoked, by us or by puppetserver's own CA
        var serials = await Names(ObjectKeys.Revocations, cancel);
        stale.UnionWith(table.Rows.All.Where(r => r is { State: < InstanceState.Terminating, IsRevoked: false, Serial.Length: > 0 }
            && serials.Contains(r.Serial)).Select(r => r.Name));
        await foreach (var key in store.List(ObjectKeys.StockCertificates, null, cancel))
        {
            if (key.Split('/') is [.., var text, "revoked"] && CertName.TryParse(text, out var name, out _)
                && Living(name) is { IsRevoked: false })
            {
                stale.Add(name);
            }
        }
        // 3. whose certificate was renewed without a message
        if (renewals.IsDue)
            stale.UnionWith(await renewals.Measure(() => Renewed(cancel)));
        // 4. who has no definition
        var sees = table.SeenAll;
        var all = await ShowUndefined(cancel);
        // 5. whose is broken
        var known = await ShowBroken(cancel);
        // 6. what is not shown of these from now on is over
        if (sees && all)
            looks.AtDefinitions();
        if (sees && known)
            looks.AtBrokenDefinitions();
        return stale;
    }

    private async Task<List<CertName>> Renewed(CancellationToken cancel)
    {
        var claims = new Dictionary<CertName, int>();
        await foreach (var key in store.List(ObjectKeys.Claims, null, cancel))
        {
            if (key.Split('/') is [.., var text, _] && CertName.TryParse(text, out var name, out _))
                claims[name] = claims.GetValueOrDefault(name) + 1;
        }
        return [.. table.Rows.All.Where(r => r.State < InstanceState.Terminating && r.Claims > 0
            && claims.GetValueOrDefault(r.Name) > r.Claims).Select(r => r.Name)];
    }

    // Rows that were there before the list: one that is launched meanwhile is not missing from it.
    private async Task<bool> ShowUndefined(CancellationToken cancel)
    {
        var before = table.Rows.All.Where(r => r.State < InstanceState.Terminating).ToList();
        var defined = await Names(ObjectKeys.Nodes, cancel);
        var confirmed = 0;
        foreach (var row in before.Where(r => defined.Contains(r.Name.ToString()) == r.IsUndefined))
        {
            if (!row.IsUndefined && (++confirmed > MaxConfirmed || await definitions.Version(row.Name, cancel) is not null))
                continue;
            DateTimeOffset? since = row.IsUndefined ? null : clock.GetUtcNow();
            await table.Update(row.Name, r => r with { UndefinedSince = since }, cancel);
        }
        return confirmed <= MaxConfirmed;
    }

    private InstanceRow? Living(CertName name) => table.Rows.Find(name) is { State: < InstanceState.Terminating } row ? row : null;

    private async Task<HashSet<string>> Names(string prefix, CancellationToken cancel)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var key in store.List(prefix, null, cancel))
            names.Add(key[prefix.Length..]);
        return names;
    }

    private async Task<bool> ShowBroken(CancellationToken cancel)
    {
        var found = new Dictionary<CertName, DefinitionFault>();
        try
        {
            foreach (var entry in await broken.All())
            {
                // Another version by now: mended, or broken in another way, which Classifier will say.
                if (Living(entry.Name) is not null && await definitions.Version(entry.Name, cancel) == entry.Version)
                    found[entry.Name] = DefinitionLook.FaultOf(entry);
                else if (table.Rows.Find(entry.Name) is { State: InstanceState.Terminated })
                    await broken.Remove(entry.Name);
            }
        }
        catch (FaultException e) when (e.Reason == Reason.RegistryUnavailable)
        {
            return false;
        }
        foreach (var row in table.Rows.All.Where(r => r.BrokenDefinition != found.GetValueOrDefault(r.Name)).ToList())
            await table.Update(row.Name, r => r with { BrokenDefinition = found.GetValueOrDefault(row.Name) }, cancel);
        return true;
    }
}
