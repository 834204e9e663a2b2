namespace Grpc.Core;

/// <summary>A connection, or a set of them, to one target. <c>GrpcChannel</c> of Grpc.Net.Client is the one in use.</summary>
public abstract class ChannelBase
{
    protected ChannelBase(string target)
    {
        ArgumentNullException.ThrowIfNull(target);
        Target = target;
    }

    public string Target { get; }

    public abstract CallInvoker CreateCallInvoker();

    /// <summary>Closes the channel, as far as it has something to close here. <c>GrpcChannel</c> must be disposed instead.</summary>
    public Task ShutdownAsync() => ShutdownAsyncCore();

    protected virtual Task ShutdownAsyncCore() => Task.CompletedTask;
}
