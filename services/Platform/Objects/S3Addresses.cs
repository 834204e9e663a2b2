using System.Net;
using System.Net.Sockets;

namespace Overture.Platform.Objects;

/// <summary>Which addresses a store's name has. Front ends that are atomic each by itself need not be so together.</summary>
internal static class S3Addresses
{
    /// <summary>AWS has hundreds behind a name, and gives some of them at each question.</summary>
    public const int MostOfAws = 8;
    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(3);

    /// <param name="endpoint">Where requests go.</param>
    /// <param name="resolve">Every address of a name.</param>
    /// <param name="most">The rest is not looked at.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Those that take a connection, in order; none where a proxy does the connecting.</returns>
    public static async Task<IReadOnlyList<IPAddress>> Of(Uri endpoint, Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        int most,
        CancellationToken cancel)
    {
        if (!endpoint.IsLoopback && !HttpClient.DefaultProxy.IsBypassed(endpoint))
            return [];
        var all = (await Resolved(endpoint.IdnHost, resolve, cancel)).Take(most);
        var open = await Task.WhenAll(all.Select(address => Connects(new IPEndPoint(address, endpoint.Port), cancel)));
        return [.. all.Zip(open).Where(a => a.Second).Select(a => a.First)];
    }

    private static async Task<IReadOnlyList<IPAddress>> Resolved(string host, Func<string, CancellationToken, Task<IPAddress[]>> resolve,
        CancellationToken cancel)
    {
        try
        {
            return [.. (await resolve(host, cancel)).Distinct().OrderBy(a => a.ToString(), StringComparer.Ordinal)];
        }
        catch (SocketException)
        {
            return []; // no such name: the first request says so
        }
    }

    // What does not answer is no way to the store now, e.g. an IPv6 address on a host without IPv6.
    private static async Task<bool> Connects(IPEndPoint end, CancellationToken cancel)
    {
        using var socket = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(ConnectLimit);
        try
        {
            await socket.ConnectAsync(end, limit.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return false;
        }
    }
}
