using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>Where the registry is.</summary>
public sealed record RegistryOptions
{
    /// <summary>host:port. Required.</summary>
    public string Endpoint { get; init; } = "";

    /// <summary>File that holds the password; empty: none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>TLS, where the server's certificate must be for the endpoint's host.</summary>
    public bool Tls { get; init; }

    /// <summary>PEM file of the CAs that the server's certificate may come from, instead of the system's. Empty: the system's.</summary>
    public string TlsRoots { get; init; } = "";

    /// <summary>How long one call may take before it is answered UNAVAILABLE. 100 ms to 10 s.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// The one way to Redis. The client library never times out an async call and never drops a frozen server, so every call here has a
/// deadline, and a watchdog PING makes a new connection when two in a row go unanswered. It connects lazily: services start without Redis.
/// </summary>
public sealed class RegistryConnection(RegistryOptions options, TimeProvider clock, ILogger<RegistryConnection> log) : BackgroundService
{
    private volatile ConnectionMultiplexer? current;

    /// <summary>Whether the last PING was answered.</summary>
    public bool Healthy { get; private set; }

    /// <summary>Runs one command. <see cref="FaultException"/> (RegistryUnavailable) within the deadline when Redis does not answer.</summary>
    internal async Task<T> Run<T>(Func<IDatabase, Task<T>> command)
    {
        var connection = current ?? throw Unavailable("not connected yet");
        try
        {
            return await command(connection.GetDatabase()).WaitAsync(options.Deadline, clock);
        }
        catch (TimeoutException)
        {
            throw Unavailable($"no answer within {options.Deadline.TotalMilliseconds:0} ms");
        }
        catch (Exception e) when (e is RedisException or ObjectDisposedException)
        {
            // Disposed: the watchdog put another connection in its place meanwhile.
            throw Unavailable(e.GetType().Name);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), clock);
        var silent = 0;
        do
        {
            silent = await Ping() ? 0 : silent + 1;
            Healthy = silent == 0;
            if (silent >= 2 || current is null)
            {
                await Reconnect();
                silent = 0;
            }
        }
        while (await Next(timer, stoppingToken));
        current?.Dispose();
    }

    private static async Task<bool> Next(PeriodicTimer timer, CancellationToken cancel)
    {
        try
        {
            return await timer.WaitForNextTickAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> Ping()
    {
        try
        {
            await Run(async db => await db.PingAsync());
            return true;
        }
        catch (FaultException)
        {
            return false;
        }
    }

    private async Task Reconnect()
    {
        try
        {
            var configuration = new ConfigurationOptions
            {
                EndPoints = { options.Endpoint },
                AbortOnConnectFail = false,
                ConnectTimeout = (int)options.Deadline.TotalMilliseconds,
                ReconnectRetryPolicy = new LinearRetry(200),
                Ssl = options.Tls,
                SslHost = options.Tls ? RegistryTls.HostOf(options.Endpoint) : null,
                Password = options.PasswordFile.Length == 0 ? null : (await File.ReadAllTextAsync(options.PasswordFile)).Trim(),
            };
            if (options.Tls)
                configuration.CertificateValidation += new RegistryTls(options, log).Accepts;
            var fresh = await ConnectionMultiplexer.ConnectAsync(configuration).WaitAsync(options.Deadline * 3, clock);
            // Out-of-order continuations are fine for commands, and in-order ones can deadlock.
            fresh.PreserveAsyncOrder = false;
            var old = current;
            current = fresh;
            old?.Dispose();
            RegistryLog.Connected(log, options.Endpoint);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or IOException or UnauthorizedAccessException or CryptographicException)
        {
            RegistryLog.NotConnected(log, options.Endpoint, e is CryptographicException ? e.Message : e.GetType().Name);
        }
    }

    private static FaultException Unavailable(string why) =>
        new(FaultKind.Unavailable, Reason.RegistryUnavailable, $"the registry (Redis) does not answer: {why}; nothing is lost, try again");
}

internal static partial class RegistryLog
{
    [LoggerMessage(EventId = 10, EventName = "registry.connected", Level = LogLevel.Information, Message = "registry at {Endpoint}: new connection")]
    public static partial void Connected(ILogger logger, string endpoint);

    [LoggerMessage(EventId = 11, EventName = "registry.unreachable", Level = LogLevel.Warning, Message = "registry at {Endpoint} is unreachable: {Cause}")]
    public static partial void NotConnected(ILogger logger, string endpoint, string cause);

    [LoggerMessage(EventId = 15, EventName = "registry.tls_refused", Level = LogLevel.Warning, Message = "registry at {Endpoint}: its certificate is not taken: {Cause}")]
    public static partial void TlsRefused(ILogger logger, string endpoint, string cause);

    [LoggerMessage(EventId = 12, EventName = "registry.skipped", Level = LogLevel.Debug, Message = "the registry missed {What}; the store has it")]
    public static partial void Skipped(ILogger logger, string what);

    [LoggerMessage(EventId = 13, EventName = "registry.listener_failed", Level = LogLevel.Error, Message = "a listener of the change feed failed at {What}")]
    public static partial void ListenerFailed(ILogger logger, string what, Exception exception);

    [LoggerMessage(EventId = 14, EventName = "registry.lines_failed", Level = LogLevel.Error, Message = "{Count} lines of timelines could not be written")]
    public static partial void LinesFailed(ILogger logger, int count, Exception exception);
}
