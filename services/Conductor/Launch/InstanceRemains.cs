using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// Removes objects that nothing needs once an instance has converged or ends: user data, its words, its archived definition. They open
/// nothing any more, so nothing waits for it: a store that refuses is one warning an
/// hour for each prefix, and <see cref="Sweep"/> tries again.
/// </summary>
internal sealed class InstanceRemains(ObjectStore store, FetchedUserData fetched, FirstBootStore firstBoots, InstanceTable table,
    TimeProvider clock, ILogger<InstanceRemains> log)
{
    private static readonly TimeSpan SaidAgain = TimeSpan.FromHours(1);

    // Prefixes whose removal failed, and when it was said last.
    private readonly ConcurrentDictionary<string, long> said = new();
    private readonly ConcurrentDictionary<CertName, string> definitions = new();

    /// <summary>Its user data and its words.</summary>
    public async Task OfBoot(CertName name, CancellationToken cancel)
    {
        await UserData(name, cancel);
        await Words(name, cancel);
    }

    public Task UserData(CertName name, CancellationToken cancel) => Try(ObjectKeys.UserData, () => fetched.Remove(name, cancel));

    public Task Words(CertName name, CancellationToken cancel) => Try(ObjectKeys.FirstBoots, () => firstBoots.Remove(name, cancel));

    /// <param name="name">Of a terminated instance.</param>
    /// <param name="version">That was archived; another one is somebody's new definition, and stays.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Definition(CertName name, string version, CancellationToken cancel)
    {
        if (await Try(ObjectKeys.Nodes, () => store.Delete(ObjectKeys.Node(name), cancel)))
            definitions.TryRemove(name, out _);
        else
            definitions[name] = version;
    }

    /// <summary>What was left when an instance converged or ended; by names that are listed, none of which is read.</summary>
    /// <exception cref="FaultException">The store can't be listed.</exception>
    public async Task Sweep(CancellationToken cancel)
    {
        foreach (var (name, version) in definitions)
        {
            if (await VersionOf(name, cancel) == version)
                await Definition(name, version, cancel);
            else
                definitions.TryRemove(name, out _);
        }
        // Of one that is not known yet it can't be told whether it needs them.
        foreach (var name in await Over(ObjectKeys.UserData, cancel))
            await UserData(name, cancel);
        foreach (var name in await Over(ObjectKeys.FirstBoots, cancel))
            await Words(name, cancel);
    }

    // An unreadable one has a version as well, and must not keep what comes after it.
    private async Task<string?> VersionOf(CertName name, CancellationToken cancel)
    {
        try
        {
            return (await store.Get(ObjectKeys.Node(name), cancel))?.ETag;
        }
        catch (UnreadableObjectException e)
        {
            return e.Version;
        }
    }

    private async Task<IReadOnlyList<CertName>> Over(string prefix, CancellationToken cancel)
    {
        var found = new HashSet<CertName>();
        await foreach (var key in store.List(prefix, null, cancel))
        {
            if (CertName.TryParse(key[prefix.Length..].Split('/')[0], out var name, out _)
                && table.Rows.Find(name) is { State: InstanceState.Converged or InstanceState.Terminated })
            {
                found.Add(name);
            }
        }
        return [.. found];
    }

    private async Task<bool> Try(string prefix, Func<Task> removal)
    {
        try
        {
            await removal();
            return true;
        }
        catch (Exception e) when (FaultException.Of(e) is { } fault)
        {
            if (!said.TryGetValue(prefix, out var at) || clock.GetElapsedTime(at) >= SaidAgain)
            {
                said[prefix] = clock.GetTimestamp();
                Log.RemainsKept(log, prefix, fault.PublicMessage);
            }
            return false;
        }
    }
}
