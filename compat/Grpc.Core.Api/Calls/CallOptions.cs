namespace Grpc.Core;

/// <summary>What the caller asks for one call. A value: each <c>With…</c> returns a changed copy.</summary>
public struct CallOptions
{
    private Metadata? headers;
    private DateTime? deadline;
    private CancellationToken cancellationToken;
    private WriteOptions? writeOptions;
    private ContextPropagationToken? propagationToken;
    private CallCredentials? credentials;
    private bool waitForReady;

    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null,
        ContextPropagationToken? propagationToken = null,
        CallCredentials? credentials = null)
    {
        this.headers = headers;
        this.deadline = deadline;
        this.cancellationToken = cancellationToken;
        this.writeOptions = writeOptions;
        this.propagationToken = propagationToken;
        this.credentials = credentials;
    }

    public readonly Metadata? Headers => headers;

    /// <summary>The moment after which the call ends with <see cref="StatusCode.DeadlineExceeded"/>; null means never.</summary>
    public readonly DateTime? Deadline => deadline;

    public readonly CancellationToken CancellationToken => cancellationToken;

    public readonly WriteOptions? WriteOptions => writeOptions;

    /// <summary>Kept for the signature; Grpc.Net.Client does not use it.</summary>
    public readonly ContextPropagationToken? PropagationToken => propagationToken;

    /// <summary>Credentials of this call, in addition to those of the channel.</summary>
    public readonly CallCredentials? Credentials => credentials;

    /// <summary>Whether the call waits for a connection instead of failing as <see cref="StatusCode.Unavailable"/>.</summary>
    public readonly bool IsWaitForReady => waitForReady;

    public readonly CallOptions WithHeaders(Metadata headers) => this with { headers = headers };

    public readonly CallOptions WithDeadline(DateTime deadline) => this with { deadline = deadline };

    public readonly CallOptions WithCancellationToken(CancellationToken cancellationToken) =>
        this with { cancellationToken = cancellationToken };

    public readonly CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { writeOptions = writeOptions };

    public readonly CallOptions WithPropagationToken(ContextPropagationToken propagationToken) =>
        this with { propagationToken = propagationToken };

    public readonly CallOptions WithCredentials(CallCredentials credentials) => this with { credentials = credentials };

    public readonly CallOptions WithWaitForReady(bool waitForReady = true) => this with { waitForReady = waitForReady };
}
