using Microsoft.Extensions.Logging;
using StackExchange.Redis;
using StackExchange.Redis.Configuration;

namespace Overture.Platform.Registry;

/// <summary>
/// How the client library is set up: it ends calls and connections that a frozen server leaves open, fails at once while there is no
/// connection, and looks every second which of the servers is the primary. Passwords are read from their files at each connection, so that
/// they may change.
/// </summary>
internal sealed class RegistryClient(RegistryOptions options, ILogger log)
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    // Neither is needed, and the rights of our users have neither: CONFIG would hand out the server's own password.
    private static readonly CommandMap Commands = CommandMap.Create(["CONFIG", "CLUSTER"], available: false);

    /// <param name="primary">HOST:PORT of a further server, which one of the configured ones named as its primary; null: none.</param>
    public ConfigurationOptions Redis(string? primary) => Configuration(
        (options.Sentinel.ServiceName.Length > 0 ? [] : options.Endpoints).Append(primary).OfType<string>(), Commands,
        options.User, options.PasswordFile);

    /// <summary>For the Sentinels, with a user and a password of their own.</summary>
    public ConfigurationOptions Sentinels() =>
        Configuration(options.Endpoints, CommandMap.Sentinel, options.Sentinel.User, options.Sentinel.PasswordFile);

    private ConfigurationOptions Configuration(IEnumerable<string> endpoints, CommandMap commands, string user, string passwordFile)
    {
        var deadline = (int)options.Deadline.TotalMilliseconds;
        var configuration = new ConfigurationOptions
        {
            Defaults = new Login(user, passwordFile),
            CommandMap = commands,
            AbortOnConnectFail = false,
            BacklogPolicy = BacklogPolicy.FailFast,
            ConnectTimeout = deadline,
            ConnectRetry = 1,
            AsyncTimeout = deadline,
            SyncTimeout = deadline,
            HeartbeatInterval = options.Deadline / 4,
            KeepAlive = 1,
            ConfigCheckSeconds = 1,
            ReconnectRetryPolicy = new LinearRetry((int)Retry.TotalMilliseconds),
            // Nothing of ours is published there, and a user may be kept to our own keys.
            ConfigurationChannel = "",
            TieBreaker = "",
            Ssl = options.Tls,
        };
        foreach (var endpoint in endpoints.Distinct(StringComparer.Ordinal))
            configuration.EndPoints.Add(endpoint);
        if (options.Tls)
            configuration.SslClientAuthenticationOptions = new RegistryTls(options, log).For;
        return configuration;
    }

    private sealed class Login(string user, string passwordFile) : DefaultOptionsProvider
    {
        public override string? User => user.Length == 0 ? null : user;

        public override string? Password => passwordFile.Length == 0 ? null : File.ReadAllText(passwordFile).Trim();
    }
}
