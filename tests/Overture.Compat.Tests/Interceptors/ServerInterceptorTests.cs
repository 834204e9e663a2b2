namespace Overture.Compat.Tests.Interceptors;

public sealed class ServerInterceptorTests
{
    [Fact]
    public async Task Unary_TwoInterceptors_FirstAddedStandsOutside()
    {
        await using var host = await ProbeHost.StartAsync(interceptors: [typeof(OuterInterceptor), typeof(InnerInterceptor)]);

        await host.Client.EchoAsync(new EchoRequest());

        Assert.Equal(["outer in", "inner in", "Echo", "inner out, 2 in state", "outer out, 2 in state"], host.Seen.Steps);
    }

    [Fact]
    public async Task Streams_TwoInterceptors_EachShapeIsSeen()
    {
        await using var host = await ProbeHost.StartAsync(interceptors: [typeof(OuterInterceptor), typeof(InnerInterceptor)]);

        await host.Client.EveryStreamAsync();

        Assert.Equal(
            ["outer client stream", "inner client stream", "outer server stream", "inner server stream", "outer duplex", "inner duplex"],
            host.Seen.Steps);
    }

    [Fact]
    public async Task Default_OfEveryShape_GoesOnToTheHandler()
    {
        await using var host = await ProbeHost.StartAsync(interceptors: typeof(PassingInterceptor));

        var reply = await host.Client.EchoAsync(new EchoRequest { Text = "passed" });
        var streams = await host.Client.EveryStreamAsync();

        Assert.Equal("passed", reply.Text);
        Assert.Equal("3; 1,2; 4", streams);
    }

    [Fact]
    public async Task Refusal_BeforeTheHandler_KeepsTheCallFromIt()
    {
        await using var host = await ProbeHost.StartAsync(interceptors: typeof(RefusingInterceptor));

        var thrown = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.EchoAsync(new EchoRequest()));

        Assert.Equal(StatusCode.PermissionDenied, thrown.StatusCode);
        Assert.Empty(host.Seen.Calls);
    }
}
