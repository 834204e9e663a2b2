using Overture.Platform.Rpc;

namespace Overture.Platform.Faults;

/// <summary>What kind of answer a fault is; each kind has one gRPC status (<see cref="FaultInterceptor"/>) and one HTTP status.</summary>
public enum FaultKind
{
    /// <summary>The request is wrong and will stay wrong.</summary>
    Invalid,
    NotFound,
    AlreadyExists,
    /// <summary>The caller may not do this, or what was asked for is not authorized.</summary>
    Denied,
    /// <summary>Right request, wrong moment: the state of the thing forbids it.</summary>
    Precondition,
    /// <summary>It was changed in between: read again and retry.</summary>
    Conflict,
    TooLarge,
    /// <summary>A store or peer does not answer; nothing is lost, try again.</summary>
    Unavailable,
    /// <summary>An object in the store is damaged or too large, so nothing is decided from it until it is restored.</summary>
    Unreadable,
}

/// <summary>One field that breaks a rule: its dotted path and the rule.</summary>
public sealed record FieldProblem(string Field, string Rule);

/// <summary>
/// A request that is answered with an error. The message is written for the caller: no secret, no stack, no inner message.
/// A bug or an unforeseen outage is any other exception, left to rise.
/// </summary>
public sealed class FaultException(FaultKind kind, Reason reason, string message, params FieldProblem[] fields) : Exception(message)
{
    public FaultKind Kind { get; } = kind;
    public Reason Reason { get; } = reason;
    public IReadOnlyList<FieldProblem> Fields { get; } = fields;

    /// <summary>
    /// What a caller without the admin role reads. The message, unless that shows internals: a path, a bucket, an operating system's error.
    /// </summary>
    public string PublicMessage { get; init; } = message;

    /// <summary>The fault that an exception is for a caller; null: a bug.</summary>
    public static FaultException? Of(Exception e) => e switch
    {
        FaultException fault => fault,
        UnreadableObjectException unreadable => new(FaultKind.Unreadable, Reason.ObjectUnreadable, unreadable.Message)
        {
            PublicMessage = "a stored record can't be read, so nothing is decided; the log of the service names it",
        },
        _ => null,
    };

    /// <summary>Bad input: names every field that breaks a rule.</summary>
    public static FaultException Invalid(params FieldProblem[] fields) =>
        new(FaultKind.Invalid, Reason.InvalidField, string.Join("; ", fields.Select(f => $"{f.Field}: {f.Rule}")), fields);

    /// <summary>Bad input in one field.</summary>
    public static FaultException Invalid(string field, string rule) => Invalid(new FieldProblem(field, rule));
}
