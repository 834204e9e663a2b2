using Overture.Platform.Faults;

namespace Overture.Platform.Registry;

/// <summary>How a registry keeps its data, by its own words (INFO persistence).</summary>
/// <param name="AppendOnly">It writes each change to a file.</param>
/// <param name="Broken">What it could not write last; empty: nothing.</param>
public sealed record RegistryPersistence(bool AppendOnly, string Broken)
{
    private static readonly string[] Writes = ["aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status"];

    // By a script: the client library takes the command itself for an administrator's.
    private const string Info = "return redis.call('INFO', 'persistence')";

    /// <exception cref="FaultException">RegistryUnavailable.</exception>
    public static async Task<RegistryPersistence> Ask(RegistryConnection registry) =>
        Parse((string?)await registry.Run(db => db.ScriptEvaluateAsync(Info)) ?? "");

    /// <param name="info">Lines of NAME:VALUE.</param>
    public static RegistryPersistence Parse(string info)
    {
        var values = info.Split('\n').Select(l => l.Trim().Split(':', 2)).Where(l => l.Length == 2)
            .ToDictionary(l => l[0], l => l[1], StringComparer.Ordinal);
        return new(values.GetValueOrDefault("aof_enabled") == "1",
            string.Join(", ", Writes.Where(w => values.GetValueOrDefault(w, "ok") != "ok")));
    }
}
