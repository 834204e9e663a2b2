namespace Grpc.Core;

/// <summary>What the sender of a message asks of the transport.</summary>
[Flags]
public enum WriteFlags
{
    /// <summary>The message may wait for the next one before it is sent.</summary>
    BufferHint = 0x1,

    /// <summary>The message must not be compressed, e.g. since it is random or secret.</summary>
    NoCompress = 0x2,
}

/// <summary>The flags for the messages that follow, on a call or on one stream.</summary>
public class WriteOptions(WriteFlags flags = default)
{
    public static readonly WriteOptions Default = new();

    public WriteFlags Flags { get; } = flags;
}
