using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Overture.Platform.Connections;

/// <summary>
/// Listening sockets that systemd keeps while this process is restarted (sd_notify(3), FDSTORE; FileDescriptorStoreMax in the unit): a
/// connection that is made meanwhile waits in the socket's queue and is not refused. Without systemd, sockets as they are.
/// </summary>
internal sealed partial class KeptListeners(ListenerSet listeners, ILogger<KeptListeners> log)
{
    // SD_LISTEN_FDS_START
    private const int First = 3;
    private readonly NotifySocket? systemd = NotifySocket.OfEnvironment();
    private readonly Dictionary<EndPoint, Socket> bound = [];
    private Dictionary<string, Socket>? handed;

    /// <summary>The socket that systemd kept for this endpoint; else a new one, which it keeps from now on.</summary>
    /// <exception cref="SocketException">It can't be bound.</exception>
    public Socket Bind(EndPoint endpoint)
    {
        handed ??= Handed();
        var name = NameOf(endpoint);
        if (handed.Remove(name, out var kept))
            return bound[endpoint] = kept;
        var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
        // Without FDPOLL=0 systemd drops it at once: it does not listen yet.
        Notify(name, $"FDSTORE=1\nFDPOLL=0\nFDNAME={name}", socket);
        return bound[endpoint] = socket;
    }

    /// <summary>This process listens no longer; where systemd keeps the socket, the next one goes on with its queue.</summary>
    public void Leave(EndPoint endpoint)
    {
        // Where an accept is under way while it closes a socket, .NET ends the listening for all that have it, unless this flag says
        // that others may have it (SafeSocketHandle.TryUnblockSocket). Without this no test fails: it takes an accept in that instant.
        if (systemd is not null && bound.Remove(endpoint, out var socket))
            Descriptors.CloseOnExec(socket.SafeHandle.DangerousGetHandle().ToInt32(), false);
    }

    private void Notify(string name, string state, Socket? passed = null)
    {
        try
        {
            systemd?.Send(state, passed);
        }
        catch (SocketException e)
        {
            NotNotified(log, name, e.Message);
        }
    }

    private Dictionary<string, Socket> Handed()
    {
        var all = Descriptors.Handed(Environment.GetEnvironmentVariable);
        foreach (var variable in Descriptors.Variables)
            Environment.SetEnvironmentVariable(variable, null);
        var names = listeners.Endpoints.Select(NameOf).ToHashSet(StringComparer.Ordinal);
        var ours = new Dictionary<string, Socket>(StringComparer.Ordinal);
        foreach (var (descriptor, name) in all)
        {
            var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true));
            if (!names.Contains(name) || !ours.TryAdd(name, socket))
                GiveUp(name, socket);
        }
        return ours;
    }

    // Of an endpoint that is no longer listened on: nothing would ever answer there. Its listening ends here and now, for systemd's copy
    // too, which is closed some time later: the new endpoint may be another address of the same port.
    private void GiveUp(string name, Socket socket)
    {
        Notify(name, $"FDSTOREREMOVE=1\nFDNAME={name}");
        using (socket)
            socket.Shutdown(SocketShutdown.Both);
    }

    // A name of systemd's may hold no colon.
    private static string NameOf(EndPoint endpoint) => $"{endpoint}".Replace(':', '_');

    [LoggerMessage(EventId = 45, EventName = "listener.not_kept", Level = LogLevel.Warning,
        Message = "systemd was not notified of the listening socket {Name}; a restart may refuse connections: {Why}")]
    private static partial void NotNotified(ILogger logger, string name, string why);

    /// <summary>File descriptors as systemd hands them over (sd_listen_fds(3)).</summary>
    internal static partial class Descriptors
    {
        private const int SetFlags = 2, CloseOnExecFlag = 1;

        public static IReadOnlyList<string> Variables { get; } = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];

        /// <summary>Those that are for this process.</summary>
        public static IReadOnlyList<(int Descriptor, string Name)> Handed(Func<string, string?> environment)
        {
            if (environment("LISTEN_PID") != Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                || !int.TryParse(environment("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            {
                return [];
            }
            var names = (environment("LISTEN_FDNAMES") ?? "").Split(':');
            return [.. Enumerable.Range(0, count).Select(i => (First + i, i < names.Length ? names[i] : ""))];
        }

        /// <summary>Programs that this process starts do not get them: systemd hands them over so that all would.</summary>
        public static void Keep()
        {
            foreach (var (descriptor, _) in Handed(Environment.GetEnvironmentVariable))
                CloseOnExec(descriptor, true);
        }

        /// <summary>Whether programs that this process starts do not get it.</summary>
        public static void CloseOnExec(int descriptor, bool on)
        {
            if (fcntl(descriptor, SetFlags, on ? CloseOnExecFlag : 0) < 0)
                throw new SocketException(Marshal.GetLastPInvokeError());
        }

        [LibraryImport("libc", SetLastError = true)]
        private static partial int fcntl(int descriptor, int command, int argument);
    }
}
