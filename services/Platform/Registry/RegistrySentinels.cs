using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Overture.Platform.Registry;

/// <summary>The Sentinels at registry.endpoint, asked which server is the primary. The client library keeps the connections.</summary>
internal sealed class RegistrySentinels(RegistryOptions options, RegistryClient client, ILogger log) : IAsyncDisposable
{
    private const string Section = "registry.sentinel";
    private ConnectionMultiplexer? connection;
    private volatile string? lastFailure;

    /// <summary>Whether the configuration has Sentinels.</summary>
    public bool Used => options.Sentinel.ServiceName.Length > 0;

    /// <summary>HOST:PORT that they named last; null: none yet.</summary>
    public string? Primary { get; private set; }

    /// <summary>What they said last, for people: the end of a sentence.</summary>
    public string Said { get; private set; } = "";

    /// <summary>Asks each; the primary is the one that most of them name.</summary>
    public async Task Ask()
    {
        string? refusal = null;
        var named = new List<string>();
        foreach (var sentinel in await Servers())
        {
            try
            {
                if (await sentinel.SentinelGetMasterAddressByNameAsync(options.Sentinel.ServiceName) is { } address)
                    named.Add(EndPointCollection.ToString(address));
                else
                    refusal = $"none knows a primary {options.Sentinel.ServiceName} (registry.sentinel.serviceName)";
            }
            catch (Exception e) when (RegistryProbe.IsOfRedis(e))
            {
                lastFailure = RegistryProbe.Cause(e, Section) ?? lastFailure;
            }
        }
        if (named.Count == 0)
        {
            Said = $"of the Sentinels {refusal ?? $"none answers ({lastFailure ?? "no connection"})"}";
            return;
        }
        var primary = named.GroupBy(n => n).OrderByDescending(g => g.Count()).First().Key;
        if (primary != Primary)
            RegistryLog.PrimaryNamed(log, options.Endpoint, options.Sentinel.ServiceName, primary);
        Primary = primary;
        Said = $"the Sentinels name {primary} as the primary of {options.Sentinel.ServiceName}";
    }

    public async ValueTask DisposeAsync()
    {
        if (connection is not null)
            await connection.DisposeAsync();
    }

    private async Task<IServer[]> Servers()
    {
        if (connection is null)
        {
            connection = await ConnectionMultiplexer.ConnectAsync(client.Sentinels());
            connection.ConnectionFailed += (_, e) => lastFailure = RegistryProbe.Cause(e.Exception, Section) ?? e.FailureType.ToString();
        }
        return connection.GetServers();
    }
}
