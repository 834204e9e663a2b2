using System.Runtime.InteropServices;

namespace Overture.Cli.Hooks;

/// <summary>File descriptors 0 to 2, which the caller of a hook may have closed: the next file opened would get their number.</summary>
internal static partial class StandardStreams
{
    private const int GetFlags = 1, ReadWrite = 2, Stdout = 1;

    /// <summary>The answer can be read.</summary>
    public static bool HasStdout { get; private set; } = true;

    /// <summary>Puts /dev/null in place of each that is closed. Before anything else opens a file.</summary>
    public static void Open()
    {
        for (var descriptor = 0; descriptor <= 2; descriptor++)
        {
            if (FCntl(descriptor, GetFlags, 0) >= 0)
                continue;
            _ = OpenFile("/dev/null", ReadWrite, 0); // gets the lowest number that is free
            HasStdout &= descriptor != Stdout;
        }
    }

    /// <summary>
    /// All of it on stdout, by plain write(2): .NET's console would start a thread for it, and its files keep an offset of their own.
    /// </summary>
    /// <exception cref="Failure">Not all of it could be written.</exception>
    public static void Write(ReadOnlySpan<byte> bytes)
    {
        const int Interrupted = 4;
        while (bytes.Length > 0)
        {
            var written = WriteTo(Stdout, bytes, (nuint)bytes.Length);
            if (written > 0)
            {
                bytes = bytes[(int)written..];
            }
            else if (Marshal.GetLastSystemError() != Interrupted)
            {
                throw new Failure(ExitCodes.Internal,
                    $"can't write the answer: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastSystemError())}");
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FCntl(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint WriteTo(int descriptor, ReadOnlySpan<byte> bytes, nuint length);
}
