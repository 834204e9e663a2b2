using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overture.Platform.Faults;
using Overture.Platform.Telemetry;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>
/// The one way to Redis. The client library keeps the connection; here is what it does not see: a server that answers and takes no writes,
/// or not from our user, which is looked at once a second, and which server the Sentinels name. It connects by itself, also later: services
/// start and work without Redis.
/// </summary>
public sealed class RegistryConnection : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1), SearchPeriod = TimeSpan.FromSeconds(5);
    private readonly RegistryOptions options;
    private readonly RegistryClient client;
    private readonly RegistryProbe probe;
    private readonly RegistrySentinels sentinels;
    private readonly TimeProvider clock;
    private readonly ILogger log;
    private volatile ConnectionMultiplexer? current;
    private volatile RegistryState state = new(RegistryStatus.NotLooked);
    private string? connectedTo;
    private bool explained;
    private long connectedAt, askedAt, wrongSince;

    public RegistryConnection(RegistryOptions options, RegistryKeys keys, RegistryRights rights, TimeProvider clock,
        ILogger<RegistryConnection> log)
    {
        (this.options, this.clock, this.log) = (options, clock, log);
        client = new RegistryClient(options, log);
        probe = new RegistryProbe(options, keys, rights);
        sentinels = new RegistrySentinels(options, client, log);
    }

    /// <summary>What the last look found, at most some seconds ago.</summary>
    public RegistryState State => state;

    /// <summary>Whether the last look found that it takes writes.</summary>
    public bool Healthy => state.Status == RegistryStatus.Healthy;

    /// <summary>
    /// Runs one command. <see cref="FaultException"/> (RegistryUnavailable) within the deadline when Redis does not do it.
    /// </summary>
    internal async Task<T> Run<T>(Func<IDatabase, Task<T>> command)
    {
        var connection = current ?? throw Unavailable(state);
        try
        {
            return await CallMetrics.OfRegistry(() => command(connection.GetDatabase()));
        }
        catch (Exception e) when (RegistryProbe.IsOfRedis(e))
        {
            throw Unavailable(probe.Judge(connection, e));
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        do
            await Tend();
        while (await Next(timer, stoppingToken));
        await sentinels.DisposeAsync();
        if (current is { } connection)
            await connection.DisposeAsync();
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

    private async Task Tend()
    {
        try
        {
            await Find();
            Note(await probe.Look(current));
        }
        catch (Exception e)
        {
            // Whatever a server answers must not end the service: the next look is in a second.
            probe.Primary = null;
            Note(new RegistryState(RegistryStatus.Away, RegistryProbe.Cause(e) ?? e.Message));
        }
    }

    // A name may lead to another server by now; a replica knows its primary; and Sentinels make another one the primary. A new connection
    // also learns why it fails, which one that the library restores in vain does not.
    private async Task Find()
    {
        // Also while all seems well: a primary that is cut off from its Sentinels takes writes that will be lost.
        if (sentinels.Used && (!Healthy || clock.GetElapsedTime(askedAt) >= SearchPeriod))
        {
            askedAt = clock.GetTimestamp();
            await sentinels.Ask();
        }
        var primary = sentinels.Used ? sentinels.Primary : probe.Primary;
        if (sentinels.Used && primary is null)
            return;
        var isAnother = sentinels.Used && primary != connectedTo;
        var mayBeElsewhere = state.Status is RegistryStatus.ReadOnly or RegistryStatus.Away
            && clock.GetElapsedTime(connectedAt) >= SearchPeriod;
        if (current is null || isAnother || mayBeElsewhere)
            await Connect(primary);
    }

    private async Task Connect(string? primary)
    {
        connectedAt = clock.GetTimestamp();
        try
        {
            var fresh = await ConnectionMultiplexer.ConnectAsync(client.Redis(primary));
            fresh.ConnectionFailed += (_, e) => probe.LastFailure = RegistryProbe.Cause(e.Exception) ?? e.FailureType.ToString();
            connectedTo = primary;
            var old = Interlocked.Exchange(ref current, fresh);
            if (old is not null)
                await old.DisposeAsync();
        }
        catch (Exception e) when (RegistryProbe.IsOfRedis(e) || e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            probe.LastFailure = RegistryProbe.Cause(e) ?? e.GetType().Name;
        }
    }

    // Once a change of status, since the sentences may differ at each look; and once more when a cause is known that was not at first.
    private void Note(RegistryState found)
    {
        if (sentinels.Used && found.IsWrong)
            found = found with { Cause = $"{found.Cause}; {sentinels.Said}" };
        var before = state;
        state = found;
        if (found.Status == RegistryStatus.Healthy)
            probe.LastFailure = null;
        var isExplained = !explained && found.IsWrong && !Unexplained(found);
        explained = found.IsWrong && (explained || !Unexplained(found));
        if (found.Status == before.Status && !isExplained)
            return;
        if (!before.IsWrong)
            wrongSince = clock.GetTimestamp();
        var seconds = clock.GetElapsedTime(wrongSince).TotalSeconds;
        if (found.IsWrong)
            RegistryLog.Wrong(log, options.Endpoint, found.Sentence);
        else if (before.IsWrong)
            RegistryLog.Healed(log, options.Endpoint, seconds);
        else
            RegistryLog.Connected(log, options.Endpoint);
    }

    private static bool Unexplained(RegistryState wrong) => wrong.Cause.StartsWith(RegistryProbe.NoConnection, StringComparison.Ordinal);

    // The state's sentence may name hosts of the inside.
    private static FaultException Unavailable(RegistryState state) =>
        new(FaultKind.Unavailable, Reason.RegistryUnavailable, $"the registry (Redis) {state.Sentence}; nothing is lost, try again")
        {
            PublicMessage = "the registry (Redis) does not answer; nothing is lost, try again",
        };
}
