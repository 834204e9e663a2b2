using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Overture.Platform.Connections;

/// <summary>
/// The socket by which systemd hears from this process (sd_notify(3)), with file descriptors, which the library's notifier can't send.
/// </summary>
internal sealed partial class NotifySocket(string path)
{
    private const int SocketLevel = 1, Rights = 1, Interrupted = 4;

    /// <summary>Null: systemd did not start this process, or wants to hear nothing.</summary>
    public static NotifySocket? OfEnvironment() =>
        Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is { Length: > 0 } path ? new NotifySocket(path) : null;

    /// <param name="state">Lines of NAME=VALUE.</param>
    /// <param name="passed">What goes along; null: nothing.</param>
    /// <exception cref="SocketException">It was not sent.</exception>
    public unsafe void Send(string state, Socket? passed = null)
    {
        using var manager = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        manager.Connect(new UnixDomainSocketEndPoint(path[0] == '@' ? "\0" + path[1..] : path));
        var text = Encoding.ASCII.GetBytes(state);
        if (passed is null)
        {
            manager.Send(text);
            return;
        }
        fixed (byte* bytes = text)
        {
            var part = new Part { Base = bytes, Length = (nuint)text.Length };
            var control = new Control
            {
                Length = (nuint)(sizeof(Control) - sizeof(int)), // CMSG_LEN: without what fills it up to eight bytes
                Level = SocketLevel, Type = Rights, Descriptor = passed.SafeHandle.DangerousGetHandle().ToInt32(),
            };
            var message = new Message { Parts = &part, PartCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
            while (sendmsg(manager.SafeHandle, &message, 0) < 0)
            {
                if (Marshal.GetLastPInvokeError() is var error && error != Interrupted)
                    throw new SocketException(error);
            }
        }
    }

    // struct msghdr, iovec and cmsghdr of a 64-bit Linux
    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Message
    {
        public void* Name;
        public uint NameLength;
        public Part* Parts;
        public nuint PartCount;
        public Control* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Part
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Control
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
        public int Filling;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint sendmsg(SafeHandle socket, Message* message, int flags);
}
