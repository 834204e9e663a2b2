using System.Net;
using System.Net.Sockets;

namespace Overture.TestSupport;

/// <summary>
/// A port of loopback that was free a moment ago, and that this process gave out once. Below the kernel's own range, so that no client's
/// connection takes it before the server that it is for, and beside those of ./run and of the end-to-end stacks.
/// </summary>
public static class FreePort
{
    private const int First = 11_000, Count = 5_000;
    // Other test processes begin elsewhere.
    private static int last = Random.Shared.Next(Count);

    public static int Next()
    {
        for (var tries = 0; tries < Count; tries++)
        {
            var port = First + (int)((uint)Interlocked.Increment(ref last) % Count);
            if (IsFree(port))
                return port;
        }
        throw new InvalidOperationException($"no port of {First}-{First + Count - 1} is free");
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
