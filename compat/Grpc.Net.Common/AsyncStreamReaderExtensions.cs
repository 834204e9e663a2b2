using System.Runtime.CompilerServices;

namespace Grpc.Core;

/// <summary>
/// Reads a stream with <c>await foreach</c>. Grpc.Core.Api has a class of this full name too, as the genuine packages do:
/// call the methods as extensions, since the class cannot be named without ambiguity.
/// </summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>Every message until the stream ends. It reads the stream itself, so it can be done once.</summary>
    public static IAsyncEnumerable<T> ReadAllAsync<T>(
        this IAsyncStreamReader<T> streamReader, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return Read(streamReader, cancellationToken);
    }

    private static async IAsyncEnumerable<T> Read<T>(
        IAsyncStreamReader<T> streamReader, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await streamReader.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            yield return streamReader.Current;
        }
    }
}
