using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Overture.Platform.Rpc;

/// <summary>
/// How long a caller by JSON waits: the header Grpc-Timeout, as gRPC has it ("30S"). Transcoding passes it over, so it is kept here.
/// </summary>
public sealed class JsonDeadline
{
    public const string Header = "grpc-timeout", Sentence = "the time that Grpc-Timeout gave is over";

    private const int MostDigits = 8;
    private static readonly TimeSpan Longest = TimeSpan.FromDays(20); // a timer's delay has an end
    private readonly CancellationToken over;

    private JsonDeadline(DateTimeOffset at, CancellationToken over) => (At, this.over) = (at, over);

    public DateTimeOffset At { get; }

    /// <returns>Null: the header is none.</returns>
    public static TimeSpan? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is < 2 or > MostDigits + 1 || !text[..^1].All(char.IsAsciiDigit))
            return null;
        var number = int.Parse(text.AsSpan(0, text.Length - 1), System.Globalization.CultureInfo.InvariantCulture);
        return text[^1] switch
        {
            'H' => TimeSpan.FromHours(number),
            'M' => TimeSpan.FromMinutes(number),
            'S' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMilliseconds(number),
            'u' => TimeSpan.FromMicroseconds(number),
            'n' => TimeSpan.FromMicroseconds(number / 1000.0),
            _ => null,
        };
    }

    /// <summary>The call came to its deadline.</summary>
    internal static bool IsOver(HttpContext http) => http.Features.Get<JsonDeadline>()?.over.IsCancellationRequested == true;

    /// <summary>Ends the request then, whatever it does: 504. With no time at all nothing begins.</summary>
    internal static async Task Within(HttpContext http, TimeSpan time, TimeProvider clock, RequestDelegate next)
    {
        if (time <= TimeSpan.Zero)
        {
            await Late(http);
            return;
        }
        using var over = new CancellationTokenSource(time < Longest ? time : Longest, clock);
        var aborted = http.RequestAborted;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(aborted, over.Token);
        http.RequestAborted = ends.Token;
        http.Features.Set(new JsonDeadline(clock.GetUtcNow() + time, over.Token));
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested && !http.Response.HasStarted)
        {
            http.RequestAborted = aborted;
            await Late(http);
        }
    }

    private static Task Late(HttpContext http) => JsonCalls.Answer(http, StatusCodes.Status504GatewayTimeout,
        new Google.Rpc.Status { Code = (int)StatusCode.DeadlineExceeded, Message = Sentence });
}

/// <summary>The deadline of a call, whichever way it came.</summary>
public static class DeadlineOfRpc
{
    /// <returns>MaxValue: the caller set none.</returns>
    public static DateTimeOffset DeadlineOfCall(this ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.GetHttpContext().Features.Get<JsonDeadline>() is { } json)
            return json.At;
        return context.Deadline == DateTime.MaxValue ? DateTimeOffset.MaxValue : context.Deadline;
    }
}
