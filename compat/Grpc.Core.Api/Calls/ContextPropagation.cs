namespace Grpc.Core;

/// <summary>
/// What a call made inside a handler takes over from the call being handled. It is here for the signatures:
/// Grpc.AspNetCore.Server makes no token, and propagates by its client factory instead.
/// </summary>
public class ContextPropagationOptions(bool propagateDeadline = true, bool propagateCancellation = true)
{
    public static readonly ContextPropagationOptions Default = new();

    public bool IsPropagateDeadline { get; } = propagateDeadline;

    public bool IsPropagateCancellation { get; } = propagateCancellation;
}

/// <summary>The handled call, as <see cref="CallOptions.PropagationToken"/> carries it.</summary>
public abstract class ContextPropagationToken
{
    internal ContextPropagationToken()
    {
    }
}
