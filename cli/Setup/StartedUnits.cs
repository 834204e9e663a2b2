using System.Security.Cryptography;
using System.Text;

namespace Overture.Cli.Setup;

/// <summary>
/// What each unit was started with last: a hash of the files that it reads at its start, and systemd's number of that start. Where they are
/// others now it is restarted, and only there; also where a person edited one, or where the run that wrote one was cut off before the
/// restart. Which files a start found that setup did not make is not known. Times would not say that: a restored file is older than the
/// process that has not read it, and clocks are set. What services read again by themselves (certificates, ca_crt.pem) is no part of it.
/// </summary>
internal sealed class StartedUnits(SetupHost host)
{
    public const string Folder = $"{SetupHost.Home}/setup";
    private const string Drops = "/etc/systemd/system";

    /// <summary>Hex SHA-256 of what it would read if it started now; empty: it reads none of ours.</summary>
    /// <param name="unit">"overture-conductor.service"</param>
    public string Now(string unit)
    {
        var name = unit.EndsWith(".service", StringComparison.Ordinal) ? unit["overture-".Length..^".service".Length] : "";
        if (name.Length == 0)
            return "";
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in Files(unit, name).Where(p => File.Exists(host.At(p))))
        {
            all.AppendData(Encoding.UTF8.GetBytes(path + "\n"));
            all.AppendData(SHA256.HashData(File.ReadAllBytes(host.At(path))));
        }
        return Convert.ToHexStringLower(all.GetHashAndReset());
    }

    /// <summary>Whether it was started with these files, and not again since then.</summary>
    public async Task<bool> IsCurrent(string unit, string now, CancellationToken cancel)
    {
        var record = host.At($"{Folder}/{unit}");
        return now.Length == 0
            || (File.Exists(record) && File.ReadAllText(record).Trim() == Record(now, await Invocation(unit, cancel)));
    }

    /// <summary>Once it has started with them: a run that is cut off before restarts it again.</summary>
    public async Task Started(string unit, string now, CancellationToken cancel)
    {
        if (now.Length > 0)
            host.Write($"{Folder}/{unit}", Record(now, await Invocation(unit, cancel)) + "\n");
    }

    private static string Record(string hash, string invocation) => $"{hash} {invocation}";

    // systemd.exec(5), INVOCATION_ID: another one at each start. One that has ended keeps its last.
    private static async Task<string> Invocation(string unit, CancellationToken cancel) =>
        (await SetupHost.Run("systemctl", ["show", "--property=InvocationID", "--value", unit], cancel)).Trim();

    private IEnumerable<string> Files(string unit, string name)
    {
        var drops = $"{Drops}/{unit}.d";
        var own = Directory.Exists(host.At(drops))
            ? Directory.EnumerateFiles(host.At(drops), "*.conf").Select(f => $"{drops}/{Path.GetFileName(f)}").Order(StringComparer.Ordinal)
            : Enumerable.Empty<string>();
        const string Home = SetupHost.Home;
        string[] read = name switch
        {
            "redis" => [$"{SetupHost.Etc}/redis.conf", $"{Home}/redis/users.conf"],
            "conductor" => [$"{Home}/launch/signing.key", $"{Home}/launch/token.key"],
            _ => [],
        };
        return [$"{SetupHost.Etc}/{name}.yaml", $"{SetupHost.Etc}/{name}.environment", $"{Home}/redis/{name}.password", .. read, .. own];
    }
}
