using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>SSH host keys as ssh wants them.</summary>
internal static class HostKeys
{
    /// <exception cref="Failure">The console shows none.</exception>
    public static void Demand(GetConsoleResponse console, string certname)
    {
        if (console.HostKeys.Count == 0)
        {
            throw new Failure(ExitCodes.Conflict, $"the console of {certname} shows no SSH host keys (yet)",
                $"cloud-init prints them at the end of the first boot; overture instance console {certname} shows how far it came");
        }
    }

    /// <summary>
    /// Lines of known_hosts (sshd(8)): the names, then type and key. Keys of which only the fingerprint is known have no line.
    /// </summary>
    public static IEnumerable<string> KnownHosts(GetConsoleResponse console, IEnumerable<string> names)
    {
        var hosts = string.Join(',', names.Distinct(StringComparer.Ordinal));
        return console.HostKeys.Where(k => k.Key.Length > 0).Select(k => $"{hosts} {k.Type} {k.Key}");
    }
}
