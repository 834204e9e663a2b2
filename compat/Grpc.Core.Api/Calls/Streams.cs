namespace Grpc.Core;

/// <summary>The receiving end of a stream of messages. One read at a time.</summary>
public interface IAsyncStreamReader<out T>
{
    /// <summary>The message that the last successful <see cref="MoveNext"/> brought.</summary>
    T Current { get; }

    /// <summary>Waits for the next message; false when the stream has ended well.</summary>
    Task<bool> MoveNext(CancellationToken cancellationToken);
}

/// <summary>The sending end of a stream of messages. One write at a time.</summary>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>The flags for the writes from now on; null means none.</summary>
    WriteOptions? WriteOptions { get; set; }

    Task WriteAsync(T message);

    /// <summary>
    /// Writes unless the token is cancelled first. A writer without an implementation of its own throws
    /// <see cref="NotSupportedException"/> for a token that can be cancelled.
    /// </summary>
    Task WriteAsync(T message, CancellationToken cancellationToken) => cancellationToken.CanBeCanceled
        ? throw new NotSupportedException("This stream writer does not support the cancellation of a write.")
        : WriteAsync(message);
}

/// <summary>The client's end of a request stream.</summary>
public interface IClientStreamWriter<in T> : IAsyncStreamWriter<T>
{
    /// <summary>Ends the request stream. The responses go on.</summary>
    Task CompleteAsync();
}

/// <summary>The server's end of a response stream. It ends when the handler returns.</summary>
public interface IServerStreamWriter<in T> : IAsyncStreamWriter<T>
{
}

/// <summary>Reads without a token. (Reading as an async sequence is in Grpc.Net.Common.)</summary>
public static class AsyncStreamReaderExtensions
{
    public static Task<bool> MoveNext<T>(this IAsyncStreamReader<T> streamReader)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return streamReader.MoveNext(CancellationToken.None);
    }
}
