namespace Overture.Compat.Tests.Calls;

public sealed class CallFailureTests
{
    [Fact]
    public async Task Handler_ThrowsRpcException_CallerGetsStatusDetailAndTrailers()
    {
        await using var host = await ProbeHost.StartAsync();
        var request = new EchoRequest { Text = "no such node", FailWith = (int)StatusCode.NotFound };

        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.EchoAsync(request));

        Assert.Equal(StatusCode.NotFound, thrown.StatusCode);
        Assert.Equal("no such node", thrown.Status.Detail);
        Assert.Equal(new byte[] { 1, 2, 255 }, thrown.Trailers.GetValueBytes("reason-bin"));
    }

    [Fact]
    public async Task Handler_ThrowsAnythingElse_CallerGetsUnknownAndNoDetail()
    {
        await using var host = await ProbeHost.StartAsync();

        var thrown = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Client.EchoAsync(new EchoRequest { Crash = true }));

        Assert.Equal(StatusCode.Unknown, thrown.StatusCode);
        Assert.DoesNotContain("must not leave", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Method_NotServed_IsUnimplemented()
    {
        await using var host = await ProbeHost.StartAsync();
        var method = new Method<string, string>(
            MethodType.Unary, "overture.compat.tests.Probe", "Nothing", Marshallers.StringMarshaller, Marshallers.StringMarshaller);

        var thrown = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, default, "?"));

        Assert.Equal(StatusCode.Unimplemented, thrown.StatusCode);
    }

    [Fact]
    public async Task Server_NotThere_IsUnavailableWithTheCause()
    {
        var host = await ProbeHost.StartAsync();
        await host.StopServerAsync();
        await using var _ = host;

        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.EchoAsync(new EchoRequest()));

        Assert.Equal(StatusCode.Unavailable, thrown.StatusCode);
        Assert.NotNull(thrown.Status.DebugException);
        Assert.Same(thrown.Status.DebugException, thrown.InnerException);
    }

    [Fact]
    public async Task Deadline_Passes_BothSidesLearnOfIt()
    {
        await using var host = await ProbeHost.StartAsync();
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(300);

        var thrown = await Assert.ThrowsAsync<RpcException>(
            async () => await host.Client.HangAsync(new EchoRequest(), deadline: deadline));

        Assert.Equal(StatusCode.DeadlineExceeded, thrown.StatusCode);
        await host.Seen.OneCancelledAsync();
        var seen = Assert.Single(host.Seen.Calls).Deadline;
        Assert.Equal(DateTimeKind.Utc, seen.Kind);
        Assert.InRange((seen - deadline).TotalSeconds, -5, 5);
    }

    [Fact]
    public async Task Token_CancelledDuringUnary_EndsTheCallAndTheHandler()
    {
        await using var host = await ProbeHost.StartAsync();
        using var source = new CancellationTokenSource();
        using var call = host.Client.HangAsync(new EchoRequest(), cancellationToken: source.Token);
        await host.Seen.OneStartedAsync();

        await source.CancelAsync();

        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.Cancelled, thrown.StatusCode);
        Assert.Equal(StatusCode.Cancelled, call.GetStatus().StatusCode);
        await host.Seen.OneCancelledAsync();
    }

    [Fact]
    public async Task Dispose_OfAnOpenStream_EndsTheHandler()
    {
        await using var host = await ProbeHost.StartAsync();
        var call = host.Client.HangAfterOne(new Number { Value = 7 });
        Assert.True(await call.ResponseStream.MoveNext());

        call.Dispose();

        await host.Seen.OneCancelledAsync();
    }

    [Fact]
    public async Task ReadAllAsync_TokenOfTheLoopCancelled_StopsReading()
    {
        await using var host = await ProbeHost.StartAsync();
        using var source = new CancellationTokenSource();
        using var call = host.Client.HangAfterOne(new Number { Value = 7 });
        var read = 0;

        var thrown = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var number in call.ResponseStream.ReadAllAsync().WithCancellation(source.Token))
            {
                read++;
                await source.CancelAsync();
            }
        });

        Assert.Equal(StatusCode.Cancelled, thrown.StatusCode);
        Assert.Equal(1, read);
    }
}
