using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// What a connected registry is found to be: whether it takes writes, which a PING does not show, and whether our user may do all that the
/// service does there.
/// </summary>
internal sealed class RegistryProbe(RegistryOptions options, RegistryKeys keys, RegistryRights rights)
{
    // The command lines that our user may not send, without sending them. Before Redis 7 nothing can be asked so.
    private const string Refused = """
        local refused = {}
        for i = 1, #ARGV do
          local line = {}
          for part in string.gmatch(ARGV[i], '%S+') do line[#line + 1] = part end
          if redis.acl_check_cmd and not redis.acl_check_cmd(unpack(line)) then refused[#refused + 1] = ARGV[i] end
        end
        return refused
        """;

    /// <summary>The cause where none is known yet: the library has not said why it does not get through.</summary>
    public const string NoConnection = "no connection";

    private readonly RedisValue[] samples = [.. rights.Samples.Select(s => (RedisValue)s)];

    /// <summary>HOST:PORT that a replica named as its primary, where it may be followed; null: none.</summary>
    public string? Primary { get; set; }

    /// <summary>Why the library closed a connection last; null: not yet, or healed.</summary>
    public string? LastFailure { get; set; }

    public async Task<RegistryState> Look(ConnectionMultiplexer? connection)
    {
        if (connection is null)
            return new RegistryState(RegistryStatus.Away, LastFailure ?? NoConnection);
        try
        {
            var db = connection.GetDatabase();
            var answer = (string?[]?)await db.ScriptEvaluateAsync(Refused, values: samples, flags: CommandFlags.DemandMaster);
            var refused = (answer ?? []).OfType<string>().ToList();
            if (refused.Count > 0)
                return Lacking($"may not {string.Join(", ", refused.Select(CommandAndKey))}");
            // Empty text at the start of nothing: refused where any write would be, and neither kept nor replicated.
            await db.StringSetRangeAsync(keys.Probe, 0, "", CommandFlags.DemandMaster);
            return new RegistryState(RegistryStatus.Healthy);
        }
        catch (Exception e) when (IsOfRedis(e))
        {
            var found = Judge(connection, e);
            return found.Status == RegistryStatus.ReadOnly ? await AskForPrimary(connection) ?? found : found;
        }
    }

    /// <summary>What a command that failed shows.</summary>
    public RegistryState Judge(ConnectionMultiplexer connection, Exception e)
    {
        if (e is RedisServerException)
        {
            return e.Message.StartsWith("READONLY", StringComparison.Ordinal) ? new RegistryState(RegistryStatus.ReadOnly, e.Message)
                : e.Message.StartsWith("NOPERM", StringComparison.Ordinal) ? Lacking($"gets: {e.Message}")
                : e.Message.StartsWith("NOAUTH", StringComparison.Ordinal)
                    ? new RegistryState(RegistryStatus.Away, RefusedLogin("registry"))
                : new RegistryState(RegistryStatus.Refusing, e.Message);
        }
        var connected = Connected(connection);
        if (connected.Count > 0 && connected.TrueForAll(s => s.IsReplica))
            return new RegistryState(RegistryStatus.ReadOnly, "it is a read-only replica");
        return new RegistryState(RegistryStatus.Away,
            e is TimeoutException ? $"no answer within {options.Deadline.TotalMilliseconds:0} ms" : Cause(e) ?? LastFailure
                ?? NoConnection);
    }

    // Disposed: another connection was put in its place meanwhile.
    public static bool IsOfRedis(Exception e) => e is RedisException or RedisCommandException or TimeoutException
        or ObjectDisposedException;

    /// <summary>An error in one sentence; null: it says nothing. The library's own messages are a page of counters each.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="section">The options that name user and password.</param>
    public static string? Cause(Exception? e, string section = "registry") => e switch
    {
        null => null,
        SocketException or AuthenticationException or IOException or UnauthorizedAccessException or CryptographicException => e.Message,
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } =>
            RefusedLogin(section),
        _ => Cause(e.InnerException, section),
    };

    private static string RefusedLogin(string section) => $"it refuses our user or password ({section}.user, {section}.passwordFile)";

    private async Task<RegistryState?> AskForPrimary(ConnectionMultiplexer connection)
    {
        foreach (var server in Connected(connection))
        {
            try
            {
                if (await server.RoleAsync() is not Role.Replica role)
                    continue;
                var named = $"{(role.MasterIp.Contains(':') ? $"[{role.MasterIp}]" : role.MasterIp)}:{role.MasterPort}";
                var found = $"it is a read-only replica of {named} (its link: {role.State})";
                if (options.Sentinel.ServiceName.Length > 0)
                    return new RegistryState(RegistryStatus.ReadOnly, found);
                // Without TLS anything that answers there would get the password.
                var follows = options.Tls || options.Endpoints.Contains(named, StringComparer.OrdinalIgnoreCase);
                Primary = follows && role.State == "connected" ? named : null;
                var why = follows ? "" : ", which is not followed: without registry.tls only servers in registry.endpoint are";
                return new RegistryState(RegistryStatus.ReadOnly, found + why);
            }
            catch (Exception e) when (IsOfRedis(e))
            {
                // Not of this one, then: it may not be asked, or is gone again. That it is read-only is known all the same.
            }
        }
        return null;
    }

    private RegistryState Lacking(string what)
    {
        var user = options.User.Length == 0 ? "default" : options.User;
        // Another user than the service's own may be others' as well: nothing is taken away from that.
        var rules = user == rights.Service ? rights.Rules : rights.Additions;
        return new RegistryState(RegistryStatus.LacksRights, $"user {user} {what}; next step: ACL SETUSER {user} {rules}");
    }

    private static string CommandAndKey(string sample)
    {
        var parts = sample.Split(' ');
        return parts.FirstOrDefault(p => p.Contains(':')) is { } key ? $"{parts[0]} {key}" : parts[0];
    }

    private static List<IServer> Connected(ConnectionMultiplexer connection) => [.. connection.GetServers().Where(s => s.IsConnected)];
}
