using Grpc.Core;
using Overture.Cli;
using Overture.Cli.Output;

namespace Overture.Console.Services;

/// <summary>Why a part of a page is not there: the service's own sentence and reason, and the next step.</summary>
/// <param name="Service">"conductor".</param>
/// <param name="Status">Of gRPC.</param>
public sealed record Trouble(string Service, StatusCode Status, string Reason, string Message, string Next, string TraceId)
{
    /// <summary>The delegation or its certificate is over: the person must sign in again.</summary>
    public bool EndsSession => Reason is "DELEGATION_INVALID" or "CERTIFICATE_REVOKED" or "CERTIFICATE_NOT_VALID";

    /// <summary>Each rule that is broken, with its field; where there is none the message.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>As HTTP says it.</summary>
    public int Http => Status switch
    {
        StatusCode.InvalidArgument or StatusCode.OutOfRange => 400,
        StatusCode.NotFound => 404,
        StatusCode.PermissionDenied or StatusCode.Unauthenticated => 403,
        StatusCode.AlreadyExists or StatusCode.FailedPrecondition or StatusCode.Aborted => 409,
        StatusCode.Unavailable => 503,
        StatusCode.DeadlineExceeded => 504,
        _ => 500,
    };

    internal static Trouble Of(RpcException e, string service, string address)
    {
        var failure = RpcFailures.From(e, service, address);
        return new(service, e.StatusCode, failure.Reason, failure.Message, failure.Next, failure.TraceId)
        {
            Problems = failure.Fields.Count > 0 ? [.. failure.Fields.Select(f => $"{f.Field}: {f.Rule}")] : [failure.Message],
        };
    }
}

/// <summary>What one service said to one part of a page.</summary>
/// <param name="Value">Null: see the trouble.</param>
public sealed record Answer<T>(T? Value, Trouble? Trouble) where T : class
{
    /// <summary>For a page that is nothing without it.</summary>
    /// <exception cref="PageException">There is none.</exception>
    public T Demand() => Value ?? throw new PageException(Trouble!);
}

/// <summary>A page that can't be shown: an error page says why.</summary>
public sealed class PageException(Trouble trouble) : Exception(trouble.Message)
{
    public Trouble Trouble { get; } = trouble;
}
