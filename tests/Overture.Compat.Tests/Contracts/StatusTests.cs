namespace Overture.Compat.Tests.Contracts;

public sealed class StatusTests
{
    // The numbers of these enums are on the wire or compiled into the shipped assemblies.
    [Fact]
    public void Codes_AreTheOnesOfGrpc() => Assert.Equal(
        "OK Cancelled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted "
        + "FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated",
        Numbered<StatusCode>());

    [Fact]
    public void MethodTypes_AreInTheirOrder() =>
        Assert.Equal("Unary ClientStreaming ServerStreaming DuplexStreaming", Numbered<MethodType>());

    [Fact]
    public void ConnectivityStates_AreInTheirOrder() =>
        Assert.Equal("Idle Connecting Ready TransientFailure Shutdown", Numbered<ConnectivityState>());

    [Fact]
    public void WriteFlags_AreTheirBits() =>
        Assert.Equal((1, 2), ((int)WriteFlags.BufferHint, (int)WriteFlags.NoCompress));

    [Fact]
    public void Defaults_OfAStatus_HaveTheirCodeAndNoText()
    {
        Assert.Equal((StatusCode.OK, ""), (Status.DefaultSuccess.StatusCode, Status.DefaultSuccess.Detail));
        Assert.Equal((StatusCode.Cancelled, ""), (Status.DefaultCancelled.StatusCode, Status.DefaultCancelled.Detail));
    }

    [Fact]
    public void Text_OfAStatus_HasCodeDetailAndCause() => Assert.Equal(
        "Status(StatusCode=\"Internal\", Detail=\"d\", DebugException=\"System.TimeoutException: late\")",
        new Status(StatusCode.Internal, "d", new TimeoutException("late")).ToString());

    [Fact]
    public void Exception_OfAStatus_TakesMessageCauseAndEmptyTrailers()
    {
        var cause = new TimeoutException();
        var status = new Status(StatusCode.Aborted, "lost the race", cause);

        var exception = new RpcException(status);

        Assert.Equal(StatusCode.Aborted, exception.StatusCode);
        Assert.Contains("Aborted", exception.Message, StringComparison.Ordinal);
        Assert.Contains("lost the race", exception.Message, StringComparison.Ordinal);
        Assert.Same(cause, exception.InnerException);
        Assert.Same(Metadata.Empty, exception.Trailers);
    }

    [Fact]
    public void Exception_WithTrailersAndMessage_KeepsBoth()
    {
        var trailers = new Metadata { { "k", "v" } };

        var exception = new RpcException(Status.DefaultCancelled, trailers, "own words");

        Assert.Equal("own words", exception.Message);
        Assert.Same(trailers, exception.Trailers);
    }

    private static string Numbered<T>()
        where T : struct, Enum
    {
        Assert.Equal(Enumerable.Range(0, Enum.GetValues<T>().Length), Enum.GetValues<T>().Select(value => Convert.ToInt32(value)));
        return string.Join(' ', Enum.GetNames<T>());
    }
}
