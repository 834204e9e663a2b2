using Overture.Platform.Records;

namespace Overture.Platform.Registry;

/// <summary>
/// Every key in Redis: who writes it, what it holds, when it goes (docs/registry.md). Nothing here is truth; deleting all of it costs time
/// only.
/// </summary>
public sealed class RegistryKeys(string deployment)
{
    private readonly string prefix = RegistryRights.Prefix(deployment);

    /// <summary>Conductor. JSON of the instance as users see it. No expiry: rebuilt from the store.</summary>
    public string Instance(CertName name) => $"{prefix}:instance:{name}";

    /// <summary>Conductor. Sorted set: certname by launch time in ms. Its presence shows that the index was built.</summary>
    public string Instances => $"{prefix}:instances";

    /// <summary>
    /// All services. Hash: event key to compact JSON, HSETNX; expires a day after the end, then it is read from the store.
    /// </summary>
    public string Timeline(CertName name) => $"{prefix}:timeline:{name}";

    /// <summary>Conductor. Sorted set: certname by the time of its last report in ms. No expiry: as many as nodes.</summary>
    public string LastRuns => $"{prefix}:last-runs";

    /// <summary>Conductor. Hash: certname to what the last report said, where it was no good run.</summary>
    public string BadRuns => $"{prefix}:bad-runs";

    /// <summary>Classifier; Conductor removes. Hash: certname to the version of its definition that is broken, and why.</summary>
    public string BrokenDefinitions => $"{prefix}:broken-definitions";

    /// <summary>Conductor. Whether a session with the console was entered or left; goes with the session's end.</summary>
    public string ConsoleSession(string nonce) => $"{prefix}:console-session:{nonce}";

    /// <summary>The random id of its holder; expires by itself.</summary>
    public string Lease(string task) => $"{prefix}:lease:{task}";

    /// <summary>All services. Never there: a write that changes nothing asks whether writes are taken.</summary>
    public string Probe => $"{prefix}:probe";

    /// <summary>All services. Stream, capped at about 10,000: wakes Watch, held requests and caches.</summary>
    public string Changes => $"{prefix}:changes";
}
