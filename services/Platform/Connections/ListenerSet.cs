using System.Net;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Connections;

/// <summary>
/// The process's listeners, and what each may hold; that is known when the first one is bound, since they share files and memory.
/// </summary>
public sealed partial class ListenerSet(ConnectionLog connections, TimeProvider clock, ILogger<ListenerSet> log)
{
    private readonly List<(string Name, IPEndPoint Endpoint, ListenerLimits Wanted)> listeners = [];
    private Dictionary<IPEndPoint, OpenConnections>? fitted;

    /// <summary>As the options name them.</summary>
    internal IEnumerable<IPEndPoint> Endpoints => listeners.Select(l => l.Endpoint);

    internal void Add(string name, IPEndPoint endpoint, ListenerLimits wanted) => listeners.Add((name, endpoint, wanted));

    /// <exception cref="InvalidOperationException">There is no such listener, or there is no room for its fewest connections.</exception>
    internal OpenConnections Of(EndPoint endpoint)
    {
        fitted ??= Fit();
        return endpoint is IPEndPoint ip && fitted.TryGetValue(ip, out var open)
            ? open : throw new InvalidOperationException($"{endpoint} is not a listener with limits");
    }

    private Dictionary<IPEndPoint, OpenConnections> Fit()
    {
        var (files, memory) = (ProcessLimits.Files(), ProcessLimits.Memory());
        var limits = ConnectionBudget.Fit([.. listeners.Select(l => l.Wanted)], files, memory);
        foreach (var (listener, given) in listeners.Zip(limits).Where(p => p.Second.Connections < p.First.Wanted.Connections))
            Lowered(log, listener.Name, given.Connections, listener.Wanted.Connections, given.PerAddress, files, memory / (1024 * 1024));
        return listeners.Zip(limits).ToDictionary(p => p.First.Endpoint,
            p => new OpenConnections(p.First.Name, p.Second, connections, clock));
    }

    [LoggerMessage(EventId = 44, EventName = "connection.limits_lowered", Level = LogLevel.Warning,
        Message = "{Listener} takes {Connections} connections at once, not {Wanted}, and {PerAddress} from one address: this process "
            + "may have {Files} open files and {Memory} MiB of memory. Raise those, or lower the option")]
    private static partial void Lowered(ILogger logger, string listener, int connections, int wanted, int perAddress,
        long files, long memory);
}
